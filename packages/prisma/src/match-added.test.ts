import { createOutboxEvent } from "@omni-box/core";
import { expect, it } from "vitest";
import { matchAdded } from "./match-added.js";

const event = () =>
  createOutboxEvent({
    type: "order.placed",
    schemaVersion: "1",
    topic: "orders",
    aggregateType: "order",
    aggregateId: "1",
    payload: {},
  });

it("reports drafts in the order given, whatever the order of the inserted rows", () => {
  const [a, b] = [event(), event()];
  const inserted = [
    { id: b.id, seq: 2n },
    { id: a.id, seq: 1n },
  ];
  expect(matchAdded([a, b], inserted)).toEqual([
    { id: a.id, seq: 1n, duplicate: false },
    { id: b.id, seq: 2n, duplicate: false },
  ]);
});

it("reports what was not inserted, and a draft given twice, as duplicates", () => {
  const [a, b] = [event(), event()];
  expect(matchAdded([a, b, a], [{ id: a.id, seq: 1n }])).toEqual([
    { id: a.id, seq: 1n, duplicate: false },
    { id: b.id, seq: null, duplicate: true },
    { id: a.id, seq: null, duplicate: true },
  ]);
});
