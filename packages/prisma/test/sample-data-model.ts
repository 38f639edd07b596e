import type { EventDefinition } from "@omni-box/core";
import type { DataModel } from "../src/transitions/data-model.js";
import type { Transition } from "../src/transitions/define-transition.js";
import { type WatchedModels, watchModels } from "../src/transitions/watched-model.js";

const scalar = (name: string, dbName?: string) => ({ name, kind: "scalar", type: "String", ...(dbName && { dbName }) });
const relation = (name: string, type: string) => ({ name, kind: "object", type });

/** Customers with orders, whose parts are orders too. */
export const sampleDataModel: DataModel = {
  models: {
    Customer: { fields: [scalar("id"), scalar("state"), scalar("notes"), relation("orders", "Order")] },
    Order: {
      dbName: 'the "orders"',
      schema: "shop",
      fields: [
        scalar("id", "order_id"),
        scalar("tenant"),
        scalar("state", "order_state"),
        scalar("total"),
        scalar("version"),
        scalar("customerId"),
        relation("customer", "Customer"),
        relation("parts", "Order"),
      ],
    },
  },
};

/** A transition as `defineTransition` would make it, of the state of orders. */
export function sampleTransition(fields: Partial<Transition> = {}): Transition {
  return {
    model: "Order",
    stateField: "state",
    versionField: null,
    idFields: ["id"],
    event: {} as EventDefinition,
    includeCreations: false,
    schema: null,
    ...fields,
  };
}

export function sampleWatched(includeCreations: boolean): WatchedModels {
  return watchModels([sampleTransition({ includeCreations })], sampleDataModel);
}
