import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { JsonObject } from "../events/json.js";
import { issueDescriber } from "./discreet-issue-message.js";

/** What is said of a payload that does not match. */
async function problemsOf(schema: z.ZodType, payload: JsonObject): Promise<readonly string[]> {
  const { issues = [] } = await schema["~standard"].validate(payload);
  return issues.map(issueDescriber(payload));
}

const hidden = "does not match the schema";

describe("the message of a schema's issue", () => {
  it.each<[string, z.ZodType, JsonObject, string]>([
    [
      "a type",
      z.object({ totalCents: z.number() }),
      { totalCents: "12" },
      "payload.totalCents: Invalid input: expected number, received string",
    ],
    [
      "a missing field",
      z.object({ customer: z.string() }),
      {},
      "payload.customer: Invalid input: expected string, received undefined",
    ],
    [
      "a bound that the value equals",
      z.object({ n: z.int().positive() }),
      { n: 0 },
      "payload.n: Too small: expected number to be >0",
    ],
    ["a format", z.object({ mail: z.email() }), { mail: "ada" }, "payload.mail: Invalid email address"],
    ["the misspelt name of a field", z.strictObject({}), { custmer: 1 }, 'payload: Unrecognized key: "custmer"'],
    [
      "an index",
      z.object({ line_items: z.array(z.object({ price2: z.int() })) }),
      { line_items: [{ price2: 1 }, { price2: "x" }] },
      "payload.line_items.1.price2: Invalid input: expected number, received string",
    ],
  ])("still names %s", async (_what, schema, payload, expected) => {
    expect(await problemsOf(schema, payload)).toEqual([expected]);
  });

  it.each<[string, z.ZodType, unknown]>([
    ["a format", z.email({ error: (issue) => `${issue.input} is no e-mail` }), "4111-secret"],
    ["a type", z.number({ error: (issue) => `${issue.input} is no number` }), "4111-secret"],
    ["a size", z.string().max(3, { error: (issue) => `<${issue.input}>` }), "4111-secret"],
    ["a rule", z.string().refine(() => false, { error: ({ input }) => `no ${input}` }), "4111-secret"],
    ["a number", z.number().max(3, { error: (issue) => `<${issue.input}> is too much` }), 4711],
    ["text joined to other text", z.email({ error: (issue) => `card${issue.input}x` }), "4111-secret"],
    [
      "text in another case",
      z
        .string()
        .toLowerCase()
        .pipe(z.email({ error: (i) => `no ${i.input}` })),
      "SECRET-4111",
    ],
    [
      "text without its blanks",
      z
        .string()
        .trim()
        .pipe(z.email({ error: (i) => `no ${i.input}` })),
      " 4111-secret\n",
    ],
  ])("is replaced when an application's own words about %s show the value", async (_what, field, value) => {
    expect(await problemsOf(z.object({ field }), { field: value } as JsonObject)).toEqual([`payload.field: ${hidden}`]);
  });

  it.each(["4111-secret", "ada@secret.example", "Ada Lovelace", "42", "DE89370400440532013000", "x".repeat(41)])(
    "is replaced when it names the key %j, which looks like data",
    async (key) => {
      expect(await problemsOf(z.strictObject({}), { [key]: 1 })).toEqual([`payload: ${hidden}`]);
      expect(await problemsOf(z.object({ n: z.strictObject({}) }), { n: { [key]: 1 } })).toEqual([
        `payload.n: ${hidden}`,
      ]);
    },
  );

  it.each(["4111-secret", "ada@secret.example", "Ada Lovelace", "42", "DE89370400440532013000", "x".repeat(41)])(
    "has a star in its path for the key %j, which looks like data",
    async (key) => {
      expect(
        await problemsOf(z.object({ n: z.record(z.string(), z.object({ a: z.int() })) }), { n: { [key]: { a: "b" } } }),
      ).toEqual(["payload.n.*.a: Invalid input: expected number, received string"]);
    },
  );

  it("hides a key that a library gives as a number or as an object", () => {
    const payload = { n: { 4711: { a: 1 } }, list: [1] };
    for (const part of [4711, "4711", { key: 4711 }]) {
      expect(issueDescriber(payload)({ message: "is wrong", path: ["n", part] })).toBe("payload.n.*: is wrong");
    }
    expect(issueDescriber(payload)({ message: "is wrong", path: ["list", "0"] })).toBe("payload.list.0: is wrong");
  });

  it("does not look for data in what every object inherits", () => {
    expect(issueDescriber({})({ message: "is wrong", path: ["__proto__", "constructor", "name"] })).toBe(
      "payload.__proto__.constructor.name: is wrong",
    );
  });

  it("takes no noticeable time for a payload of a megabyte and many issues", () => {
    const payload = {
      list: Array.from({ length: 150_000 }, (_, index) => (index % 2 === 0 ? index : `text ${index}`)),
    };
    const startedAt = performance.now();
    const describeIssue = issueDescriber(payload);
    for (let index = 0; index < 10; index += 1) {
      expect(describeIssue({ message: "Invalid input: expected number, received string", path: ["list", 3] })).toBe(
        "payload.list.3: Invalid input: expected number, received string",
      );
    }
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });
});
