import { describe, expect, it } from "vitest";
import { sampleDataModel, sampleWatched } from "../../test/sample-data-model.js";
import type { DataModel } from "./data-model.js";
import { createFindTouched, type OperationArgs, type WriteOperation } from "./find-touched.js";

const find = (includeCreations = false, dataModel: DataModel = sampleDataModel) =>
  createFindTouched(sampleWatched(includeCreations), dataModel);

/** What is found in one operation, in short: the model for its own rows, the path for those of a relation. */
const touched = (model: string, operation: WriteOperation, args: OperationArgs, includeCreations = false) => {
  const found = find(includeCreations)(model, operation, args);
  return found?.nested?.path ?? found?.own?.name;
};
const data = { state: "PAID" };

describe("an operation on a watched model", () => {
  it.each<[string, WriteOperation, OperationArgs, string | undefined]>([
    ["a state as a value", "update", { data }, "Order"],
    ["a state by an operation", "update", { data: { state: { set: "PAID" } } }, "Order"],
    ["a state that becomes absent", "update", { data: { state: null } }, "Order"],
    ["a state that is undefined", "update", { data: { state: undefined } }, undefined],
    ["no state", "update", { data: { total: 1 } }, undefined],
    ["no data", "update", {}, undefined],
    ["a state of many", "updateMany", { data }, "Order"],
    ["a state of many that are returned", "updateManyAndReturn", { data }, "Order"],
    ["a state in the update of an upsert", "upsert", { create: {}, update: data }, "Order"],
    ["a state in the creation of an upsert", "upsert", { create: data, update: {} }, undefined],
    ["a creation", "create", { data }, undefined],
    ["creations", "createMany", { data: [data] }, undefined],
  ])("is touched by %s, or is not", (_name, operation, args, expected) => {
    expect(touched("Order", operation, args)).toBe(expected);
  });

  it.each<[WriteOperation, OperationArgs]>([
    ["create", { data: {} }],
    ["create", {}],
    ["createMany", { data: [{}, {}] }],
    ["createManyAndReturn", { data: {} }],
    ["upsert", { create: {}, update: {} }],
  ])("is touched by %s when creations are told of", (operation, args) => {
    expect(touched("Order", operation, args, true)).toBe("Order");
    expect(touched("Order", "update", { data: { total: 1 } }, true)).toBeUndefined();
  });
});

describe("an operation on another model", () => {
  it.each<[string, object]>([
    ["orders.update", { update: { where: {}, data } }],
    ["orders.update", { update: data }],
    [
      "orders.update",
      {
        update: [
          { where: {}, data: { total: 1 } },
          { where: {}, data },
        ],
      },
    ],
    ["orders.updateMany", { updateMany: [{ where: {}, data }] }],
    ["orders.upsert", { upsert: { where: {}, create: {}, update: data } }],
    [
      "orders.update.customer.update.orders.updateMany",
      { update: { data: { customer: { update: { orders: { updateMany: { data } } } } } } },
    ],
    [
      "orders.create.customer.create.orders.update",
      { create: [{ customer: { create: { orders: { update: data } } } }] },
    ],
  ])("touches the states of its relation through %s", (path, orders) => {
    expect(touched("Customer", "update", { data: { orders } })).toBe(path);
    expect(touched("Customer", "upsert", { create: {}, update: { orders } })).toBe(path);
    expect(touched("Customer", "create", { data: { orders } })).toBe(path);
  });

  it.each<[string, object]>([
    ["orders.create", { create: {} }],
    ["orders.createMany", { createMany: { data: [{}] } }],
    ["orders.connectOrCreate", { connectOrCreate: { where: {}, create: {} } }],
    ["orders.upsert", { upsert: { where: {}, create: {}, update: {} } }],
  ])("creates rows of its relation through %s, which matters when creations are told of", (path, orders) => {
    expect(touched("Customer", "update", { data: { orders } }, true)).toBe(path);
    expect(touched("Customer", "update", { data: { orders } })).toBeUndefined();
  });

  it.each<[string, object]>([
    ["connects", { connect: { id: 1 }, disconnect: [{ id: 2 }], set: [], delete: { id: 3 }, deleteMany: {} }],
    ["updates other fields", { update: { where: { state: "PAID" }, data: { total: 1 } } }],
    ["is not given", {}],
  ])("touches nothing where a relation %s", (_name, orders) => {
    expect(touched("Customer", "update", { data: { orders } })).toBeUndefined();
  });

  it("touches nothing by a JSON value of the same shape, nor by a field of the same name", () => {
    expect(
      touched("Customer", "update", { data: { notes: { orders: { update: data } }, state: "x" } }),
    ).toBeUndefined();
  });

  it("touches nothing of a model that the client does not know", () => {
    expect(touched("Stranger", "update", { data: { orders: { update: data } } })).toBeUndefined();
  });
});

it("an operation on a watched model touches its relation's rows too, also of the model itself", () => {
  const parts = { updateMany: { where: {}, data } };
  expect(touched("Order", "update", { data: { total: 1, parts } })).toBe("parts.updateMany");
});
