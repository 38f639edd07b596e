import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { orderPlaced, step } from "../../test/order-placed.js";
import { stepName } from "../events/event-migration.js";
import { createEventSchemaRegistry } from "./create-event-schema-registry.js";

const type = "order.placed";

/** The steps of the shortest path, or `null`. */
function pathOf(migrations: readonly (readonly [string, string])[], from: string, ...wanted: string[]) {
  const registry = createEventSchemaRegistry();
  registry.register(
    orderPlaced(
      "definition",
      migrations.map(([start, end]) => step(start, end)),
    ),
  );
  return registry.path(type, from, (version) => wanted.includes(version))?.map(stepName) ?? null;
}

describe("find", () => {
  const [one, two, three] = [orderPlaced("1"), orderPlaced("1.2"), orderPlaced("1.2.3")];

  it("answers with the definition of the longest beginning of the version", () => {
    const registry = createEventSchemaRegistry().register(one, three, two);
    expect(["1.2.3", "1.2.3.4", "1.2.4", "1.20", "1", "2"].map((version) => registry.find(type, version))).toEqual([
      three,
      three,
      two,
      one,
      one,
      null,
    ]);
  });

  it("knows nothing of other types, whatever they are called", () => {
    const registry = createEventSchemaRegistry().register(one);
    for (const other of ["order.paid", "__proto__", "constructor", ""]) expect(registry.find(other, "1")).toBeNull();
    expect(registry.find(type, "__proto__")).toBeNull();
  });
});

describe("register", () => {
  it("refuses another definition of the same version, by name", () => {
    const registry = createEventSchemaRegistry().register(orderPlaced("1"));
    expect(() => registry.register(orderPlaced("1"))).toThrow(
      'CONFIG.INVALID_OPTIONS: EventSchemaRegistry.register: 1 problem: "order.placed" version "1" has a definition already',
    );
  });

  it("refuses another migration between the same versions, also from another definition, and keeps the first", () => {
    const registry = createEventSchemaRegistry().register(orderPlaced("2", [step("1", "2")]));
    expect(() => registry.register(orderPlaced("3", [step("1", "2")]))).toThrow(
      '"order.placed" has another migration 1 → 2 already',
    );
    expect(registry.find(type, "3")).toBeNull();
  });

  it("takes the same definition, and a migration that definitions share, again", () => {
    const shared = step("1", "2");
    const second = orderPlaced("2", [shared]);
    const registry = createEventSchemaRegistry().register(second, second, orderPlaced("3", [shared, step("2", "3")]));
    expect(registry.path(type, "1", (version) => version === "3")?.map(stepName)).toEqual(["1 → 2", "2 → 3"]);
  });
});

describe("path", () => {
  it("is empty for a version that is wanted itself, known or not", () => {
    expect(pathOf([["1", "2"]], "1", "1", "2")).toEqual([]);
    expect(pathOf([], "9", "9")).toEqual([]);
  });

  it("is the one with the fewest steps, over the migrations of all definitions of the type", () => {
    const registry = createEventSchemaRegistry().register(
      orderPlaced("2", [step("1", "2")]),
      orderPlaced("4", [step("2", "3"), step("3", "4")]),
      orderPlaced("5", [step("1", "5"), step("5", "4")]),
    );
    expect(registry.path(type, "1", (version) => version === "4")?.map(stepName)).toEqual(["1 → 5", "5 → 4"]);
    expect(registry.path(type, "2", (version) => version === "4")?.map(stepName)).toEqual(["2 → 3", "3 → 4"]);
  });

  it("ends at the nearest of several wanted versions; of equally near ones at the one registered first", () => {
    expect(
      pathOf(
        [
          ["1", "2"],
          ["2", "3"],
          ["1", "4"],
        ],
        "1",
        "3",
        "4",
      ),
    ).toEqual(["1 → 4"]);
    expect(
      pathOf(
        [
          ["1", "3"],
          ["1", "4"],
        ],
        "1",
        "4",
        "3",
      ),
    ).toEqual(["1 → 3"]);
  });

  it("goes from the longest beginning that has a migration, and from no shorter one", () => {
    expect(pathOf([["1", "2"]], "1.2.3", "2")).toEqual(["1 → 2"]);
    expect(
      pathOf(
        [
          ["1", "2"],
          ["1.2", "1.3"],
        ],
        "1.2.3",
        "2",
      ),
    ).toEqual(["1.2 → 1.3", "1 → 2"]);
    expect(pathOf([["1.2.3", "2"]], "1.2", "2")).toBeNull();
    expect(pathOf([["1", "2"]], "10.1", "2")).toBeNull();
  });

  it("ends when migrations go round in circles", () => {
    expect(
      pathOf(
        [
          ["1", "2"],
          ["2", "3"],
          ["3", "1"],
        ],
        "1",
        "4",
      ),
    ).toBeNull();
    expect(
      pathOf(
        [
          ["1", "1.1"],
          ["1.1", "1.2"],
        ],
        "1",
        "4",
      ),
    ).toBeNull();
  });

  it("is null for a version or type that nothing leads away from", () => {
    expect(pathOf([["1", "2"]], "3", "2")).toBeNull();
    expect(createEventSchemaRegistry().path(type, "1", (version) => version === "2")).toBeNull();
  });

  it("holds together, ends where it should and is as short as any, in every graph", () => {
    const version = fc.constantFrom<string[]>("1", "2", "3", "4", "5");
    const edges = fc.uniqueArray(
      fc.tuple(version, version).filter(([from, to]) => from !== to),
      {
        selector: ([from, to]) => `${from}${to}`,
      },
    );
    fc.assert(
      fc.property(edges, version, version, (migrations, from, to) => {
        const path = pathOf(migrations, from, to);
        // Without beginnings to match, n rounds reach what is n steps away.
        const reached = [new Set([from])];
        for (let round = 0; round < 5; round += 1) {
          const before = reached.at(-1) ?? new Set<string>();
          reached.push(
            new Set([...before, ...migrations.filter(([start]) => before.has(start)).map(([, end]) => end)]),
          );
        }
        const distance = reached.findIndex((versions) => versions.has(to));
        expect(path?.length ?? -1).toBe(distance);
        expect(path === null || [from, ...path.map((name) => name.slice(-1))].at(-1) === to).toBe(true);
      }),
    );
  });
});

describe("migrate", () => {
  const registry = createEventSchemaRegistry();

  it("runs the steps in order, asynchronous ones too, each on what the one before has made", async () => {
    const later = { from: "2", to: "3", migrate: async (old: { path?: string }) => ({ path: `${old.path}later` }) };
    expect(await registry.migrate(type, { orderId: "1" }, [step("1", "2"), later])).toEqual({ path: "1>2 later" });
  });

  it("gives the payload back as it is when there is nothing to do", async () => {
    const payload = { orderId: "1" };
    expect(await registry.migrate(type, payload, [])).toBe(payload);
  });

  it("lets no migration change what it was given", async () => {
    const payload = { lines: [{ price: 1 }] };
    const careless = {
      from: "1",
      to: "2",
      migrate: (old: { lines: { price: number }[] }) => {
        for (const line of old.lines) line.price = 2;
        return old;
      },
    };
    await expect(registry.migrate(type, payload, [careless])).rejects.toThrow(/1 → 2 threw a TypeError/);
    expect(payload).toEqual({ lines: [{ price: 1 }] });
  });

  it("names the type and the step that threw, and shows none of its words", async () => {
    for (const thrown of [new RangeError("ada@example.org"), "ada@example.org", undefined]) {
      const failing = {
        from: "2",
        to: "3",
        migrate: () => {
          throw thrown;
        },
      };
      const error = await registry.migrate(type, { orderId: "1" }, [step("1", "2"), failing]).catch((e: unknown) => e);
      expect(error).toMatchObject({
        code: "MESSAGE.MIGRATION_FAILED",
        failureClass: "permanent",
        message: expect.stringMatching(
          /the migration of "order\.placed" 2 → 3 threw (a RangeError|something that is no Error), /,
        ),
        meta: { type, from: "2", to: "3" },
      });
      expect(String(error)).not.toMatch(/ada/);
      expect(error).not.toHaveProperty("cause");
    }
  });

  it.each([
    [undefined, "payload must be a JSON object, it is undefined"],
    [["ada"], "payload must be a JSON object, it is an array"],
    [{ total: Number.NaN }, "payload.total must be a finite number, it is NaN"],
    [{ lines: [{ at: new Date(0) }] }, "payload.lines[0].at must be plain JSON, it is a Date"],
    [{ "ada@example.org": 1n }, "payload.* must be plain JSON, it is a bigint"],
    [{ card4111111111: 1n }, "payload.* must be plain JSON, it is a bigint"],
  ])("refuses %o as an answer, saying where and not what", async (answer, problem) => {
    const path = [step("1", "2"), { from: "2", to: "3", migrate: () => answer as object }, step("3", "4")];
    await expect(registry.migrate(type, { orderId: "1" }, path)).rejects.toThrow(
      `MESSAGE.MIGRATION_FAILED: the migration of "order.placed" 2 → 3 answered with a payload that is not plain JSON: ${problem}`,
    );
  });
});
