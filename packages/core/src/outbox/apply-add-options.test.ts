import { describe, expect, it } from "vitest";
import { observeRepository } from "../../test/observed-repository.js";
import { sampleDraft } from "../../test/sample-events.js";
import { createOutbox } from "./create-outbox.js";

describe("the options of add", () => {
  async function added(options: object, drafts = [sampleDraft()]) {
    const repository = observeRepository();
    await repository.transaction((tx) => createOutbox({ repository }).add(tx, drafts, options));
    return repository.all();
  }

  it("are set on every event", async () => {
    const scheduledAt = new Date(Date.now() + 1_000);
    const options = { correlationId: "c", causationId: "d", traceId: "t", headers: { tenant: "a" }, scheduledAt };
    const events = await added(options, [sampleDraft(), sampleDraft()]);
    expect(events).toMatchObject([options, options]);
  });

  it("give way to what an event says itself, header by header", async () => {
    const own = sampleDraft({ correlationId: "own", headers: { a: "own", b: "own" } });
    const [event] = await added({ correlationId: "given", causationId: "given", headers: { b: "given", c: "given" } }, [
      own,
    ]);
    expect(event).toMatchObject({
      correlationId: "own",
      causationId: "given",
      headers: { a: "own", b: "own", c: "given" },
    });
  });

  it("leave everything else of an event as it is, its id too", async () => {
    const draft = sampleDraft({ maxAttempts: 3, partitionKey: "p", idempotencyKey: "k" });
    const [event] = await added({ correlationId: "c" }, [draft]);
    expect(event).toMatchObject({
      id: draft.id,
      maxAttempts: 3,
      partitionKey: "p",
      topic: "orders",
      payload: { total: 1 },
    });
  });

  it("recognise one draft given twice", async () => {
    const draft = sampleDraft();
    expect(await added({ correlationId: "c" }, [draft, draft])).toHaveLength(1);
  });

  it("give one event an idempotency key, and with it its id", async () => {
    const [first] = await added({ idempotencyKey: "k" });
    const [again] = await added({ idempotencyKey: "k" });
    expect(first).toMatchObject({ idempotencyKey: "k" });
    expect(again?.id).toBe(first?.id);
    expect(first?.id).toBe(sampleDraft({ idempotencyKey: "k" }).id);
  });

  it("refuse one idempotency key for several events", async () => {
    await expect(added({ idempotencyKey: "k" }, [sampleDraft(), sampleDraft()])).rejects.toMatchObject({
      code: "MESSAGE.INVALID_EVENT",
      message: expect.stringContaining("idempotencyKey"),
    });
  });

  it("may be undefined one by one", async () => {
    expect(await added({ correlationId: undefined, headers: undefined })).toMatchObject([{ correlationId: null }]);
  });

  it("keep the limits of events, merged headers included", async () => {
    const headersOf = (prefix: string) =>
      Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`${prefix}${index}`, "v"]));
    await expect(added({ headers: headersOf("a") }, [sampleDraft({ headers: headersOf("b") })])).rejects.toThrow(
      "headers must be at most 100, they are 120",
    );
    await expect(added({ correlationId: "x".repeat(65) })).rejects.toThrow(
      "correlationId must have at most 64 characters, it has 65",
    );
  });

  it.each(["topic", "type", "payload", "partitionKey", "maxAttempts", "colour"])(
    "refuse %s, which they do not know, instead of ignoring it",
    async (field) => {
      await expect(added({ [field]: "x" })).rejects.toThrow(
        new RegExp(`^MESSAGE\\.INVALID_EVENT: .*unknown field ${field}$`),
      );
    },
  );

  it.each([["text"], [new Map([["tenant", "a"]])], [["a"]], [1]])("refuse %j as headers", async (headers) => {
    await expect(added({ headers })).rejects.toThrow(/: headers must be a plain object of strings$/);
  });

  it.each([
    [null, "null"],
    ["c", "a string"],
    [1, "a number"],
    [["c"], "an array"],
  ])("refuse %j in place of an object", async (options, shown) => {
    await expect(added(options as never)).rejects.toThrow(
      `MESSAGE.INVALID_EVENT: the options of outbox.add must be an object, they are ${shown}: ` +
        'leave them out, or pass { correlationId: "…" }',
    );
  });

  it("keep the limit of all headers together, merged", async () => {
    const headersOf = (prefix: string) =>
      Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`${prefix}${index}`, "é".repeat(500)]));
    await expect(added({ headers: headersOf("a") }, [sampleDraft({ headers: headersOf("b") })])).rejects.toThrow(
      /: headers must have at most 32768 bytes of names and values in UTF-8, they have \d+$/,
    );
  });
});
