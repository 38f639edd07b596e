import { describe, expect, it } from "vitest";
import { sampleDataModel, sampleTransition } from "../../test/sample-data-model.js";
import type { DataModel } from "./data-model.js";
import { foreignKeysOf, readDataModel } from "./data-model.js";
import { lockStatements } from "./lock-statements.js";
import { isOneOf, rowId, rowNamedBy } from "./row.js";
import { watchModels } from "./watched-model.js";

const watch = (...fields: Parameters<typeof sampleTransition>[0][]) =>
  watchModels(fields.map(sampleTransition), sampleDataModel);
const order = (...fields: Parameters<typeof sampleTransition>[0][]) => {
  const model = watch(...(fields.length === 0 ? [{}] : fields)).get("Order");
  if (model === undefined) throw new Error("not watched");
  return model;
};

describe("a watched model", () => {
  it("is known by the names of its table and columns, quoted", () => {
    expect(order({ versionField: "version" })).toMatchObject({
      delegate: "order",
      table: '"shop"."the ""orders"""',
      idColumns: ['"order_id"'],
      select: { id: true, state: true, version: true },
    });
  });

  it("is in the schema of the definition rather than in that of the model, and in none when neither says one", () => {
    expect(order({ schema: "other" }).table).toBe('"other"."the ""orders"""');
    const models = { Order: { fields: sampleDataModel.models.Order?.fields ?? [] } };
    expect(watchModels([sampleTransition()], { models }).get("Order")?.table).toBe('"Order"');
  });

  it("may have several states", () => {
    const both = order({ versionField: "version" }, { stateField: "total" });
    expect(both.transitions).toHaveLength(2);
    expect(both.select).toEqual({ id: true, state: true, version: true, total: true });
  });

  it.each<[string, Parameters<typeof sampleTransition>[0][], RegExp]>([
    ["another client's model", [{ model: "Invoice" }], /the client has no model Invoice/],
    ["another client's fields", [{ stateField: "phase", idFields: ["number"] }], /no field number; .*no field phase/],
    ["the same state twice", [{}, {}], /the same stateField "state"/],
    ["different ids", [{}, { stateField: "total", idFields: ["tenant"] }], /different idFields/],
    ["different schemas", [{}, { stateField: "total", schema: "other" }], /different schemas/],
  ])("is refused for %s", (_name, transitions, message) => {
    expect(() => watch(...transitions)).toThrow(message);
  });
});

describe("a foreign key", () => {
  const source = [
    "model Orders {",
    "  customer Customer @relation(fields: [id], references: [id])",
    "}",
    "model Order {",
    '  customer Customer @relation("buyer", fields: [customerId, tenant], references: [id, tenant])',
    "  parts Order[]",
    "}",
  ].join("\n");
  const dataModel: DataModel = { ...sampleDataModel, source };

  it("is found in the text of the schema", () => {
    expect([...foreignKeysOf(dataModel, "Order")]).toEqual(["customerId", "tenant"]);
    expect([...foreignKeysOf(dataModel, "Customer")]).toEqual([]);
    expect([...foreignKeysOf(sampleDataModel, "Order")]).toEqual([]);
  });

  it("is refused as a state", () => {
    const transitions = [sampleTransition({ stateField: "customerId" })];
    expect(() => watchModels(transitions, dataModel)).toThrow(/Order\.customerId is a foreign key/);
  });
});

describe("the models of a client", () => {
  it("are read from it", () => {
    const client = { _runtimeDataModel: sampleDataModel, _engineConfig: { inlineSchema: "model A {}" } };
    expect(readDataModel(client)).toEqual({ models: sampleDataModel.models, source: "model A {}" });
    expect(readDataModel({ _runtimeDataModel: sampleDataModel }).source).toBeUndefined();
  });

  it.each([
    ["none", {}],
    ["something else", { _runtimeDataModel: { models: { Order: {} } } }],
  ])("are asked for where it tells %s", (_name, client) => {
    expect(() => readDataModel(client)).toThrow(/CONFIG\.UNSUPPORTED_CAPABILITY/);
  });
});

describe("the id of a row", () => {
  const pair = order({ idFields: ["tenant", "id"] });

  it("is its text, or several joined so that no two are the same", () => {
    expect(rowId(order(), { id: 7 })).toBe("7");
    expect(rowId(order(), { id: 9_007_199_254_740_993n })).toBe("9007199254740993");
    expect(rowId(order(), { id: new Date(0) })).toBe("1970-01-01T00:00:00.000Z");
    expect(rowId(pair, { tenant: "a:b", id: "c" })).toBe("a%3Ab:c");
    expect(rowId(pair, { tenant: "a", id: "b:c" })).toBe("a:b%3Ac");
  });

  it("is a condition in Prisma's form", () => {
    expect(isOneOf(order(), [{ id: 1 }, { id: 2, state: "x" }])).toEqual({ id: { in: [1, 2] } });
    expect(isOneOf(pair, [{ tenant: "a", id: 1, state: "x" }])).toEqual({ OR: [{ id: 1, tenant: { in: ["a"] } }] });
    expect(isOneOf(pair, [])).toEqual({ OR: [] });
  });

  it("of several fields is a condition with as few alternatives as there can be", () => {
    const rows = [1, 2, 3].flatMap((id) => ["a", "b"].map((tenant) => ({ tenant, id })));
    expect(isOneOf(pair, rows)).toEqual({
      OR: [
        { tenant: "a", id: { in: [1, 2, 3] } },
        { tenant: "b", id: { in: [1, 2, 3] } },
      ],
    });
    expect(isOneOf(pair, rows.slice(0, 2))).toEqual({ OR: [{ id: 1, tenant: { in: ["a", "b"] } }] });
  });

  it("is read from a condition that names it alone", () => {
    expect(rowNamedBy(order(), { id: 1 })).toEqual({ id: 1 });
    expect(rowNamedBy(order(), { id: 1, state: undefined })).toEqual({ id: 1 });
    for (const where of [{ id: 1, state: "x" }, { state: "x" }, { id: { in: [1] } }, {}, undefined]) {
      expect(rowNamedBy(order(), where)).toBeUndefined();
    }
    expect(rowNamedBy(pair, { tenant: "a", id: 1 })).toBeUndefined();
  });
});

describe("the statements that lock rows", () => {
  it("name each row by a parameter, in the order of the ids", () => {
    expect(lockStatements(order(), [{ id: 2 }, { id: 1 }], true)).toEqual([
      {
        sql: expect.stringMatching(
          /FROM "shop"."the ""orders""" WHERE "order_id" = ANY\(\$1\) ORDER BY "order_id" FOR NO KEY UPDATE$/,
        ),
        values: [["2", "1"]],
      },
    ]);
    expect(lockStatements(order(), [], true)).toEqual([]);
  });

  it("are several for many rows with ids of several fields", () => {
    const rows = Array.from({ length: 1_001 }, (_, index) => ({ tenant: `t${1_000 - index}`, id: index }));
    const statements = lockStatements(order({ idFields: ["tenant", "id"] }), rows, false);
    expect(statements.map(({ values }) => values.length)).toEqual([1_000, 1_000, 2]);
    expect(statements[2]?.sql).toMatch(/WHERE \("tenant", "order_id"\) IN \(\(\$1, \$2\)\) $/);
    const tenants = statements.flatMap(({ values }) => values.filter((_, index) => index % 2 === 0));
    expect(tenants).toEqual(tenants.toSorted());
  });
});
