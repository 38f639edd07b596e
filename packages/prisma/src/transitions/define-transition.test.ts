import { defineEvent, stateTransitionSchema } from "@omni-box/core";
import { PrismaPg } from "@prisma/adapter-pg";
import { describe, expect, it } from "vitest";
import { PrismaClient } from "../../test/generated/client.js";
import { defineTransition, isTransition } from "./define-transition.js";

// Never connects: what a model consists of is known without a database.
const adapter = new PrismaPg({ connectionString: "postgresql://127.0.0.1:1/none" });
const prisma = new PrismaClient({ adapter });
const event = defineEvent({
  type: "ticket.state-changed",
  version: "1",
  topic: "tickets",
  aggregateType: "ticket",
  schema: stateTransitionSchema(["OPEN", "WORK", "CLOSED"]),
});

describe("defineTransition", () => {
  it("takes the name from the model, and the id by the name of id", () => {
    const transition = defineTransition({ model: prisma.testTicket, stateField: "state", event });
    expect(transition).toEqual({
      model: "TestTicket",
      stateField: "state",
      versionField: null,
      idFields: ["id"],
      event,
      includeCreations: false,
      schema: null,
    });
    expect(Object.isFrozen(transition)).toBe(true);
    expect(isTransition(transition)).toBe(true);
    expect(isTransition({ ...transition })).toBe(false);
  });

  it("keeps all that it is given", () => {
    const given = {
      versionField: "version",
      idField: ["reference", "id"],
      includeCreations: true,
      schema: "app",
    } as const;
    expect(defineTransition({ model: prisma.testTicket, stateField: "state", event, ...given })).toMatchObject({
      versionField: "version",
      idFields: ["reference", "id"],
      includeCreations: true,
      schema: "app",
    });
  });

  it.each<[string, object, RegExp]>([
    [
      "fields that are not there",
      { stateField: "phase", versionField: "count", idField: "key" },
      /3 problems: stateField: .*"phase"; versionField: .*"count"; idField: .*"key"/,
    ],
    ["relations", { stateField: "queue" }, /the model has no column "queue"/],
    ["states of no simple type", { stateField: "note" }, /"note" cannot be of the type Json/],
    ["versions that are no number", { versionField: "reference" }, /"reference" cannot be of the type String/],
    ["what is no model", { model: {} }, /model: expected a model of a Prisma client, such as prisma\.order/],
    ["what is no event", { event: {} }, /event: expected a definition made by defineEvent/],
    ["no id at all", { idField: [] }, /idField: /],
    ["an option that there is not", { table: "ticket" }, /unknown option "table"/],
  ])("refuses %s", (_name, wrong, message) => {
    const options = { model: prisma.testTicket, stateField: "state", event, ...wrong };
    expect(() => defineTransition(options as never)).toThrow(message);
  });
});
