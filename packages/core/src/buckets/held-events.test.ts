import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { sampleDraft, storeEvents } from "../../test/sample-events.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { createHeldEvents } from "./held-events.js";

const [event, other] = (await storeEvents(createMemoryOutboxRepository(), [
  sampleDraft({ partitionKey: "k" }),
  sampleDraft({ partitionKey: "k" }),
])) as [Awaited<ReturnType<typeof storeEvents>>[number], Awaited<ReturnType<typeof storeEvents>>[number]];

const all = () => true;

describe("held events", () => {
  it("are counted by bucket, until they are let go, once", () => {
    const held = createHeldEvents();
    held.hold(event);
    held.hold(other);
    expect([held.countOf(event.bucket), held.seqs(all)]).toEqual([2, [event.seq, other.seq]]);
    held.letGo(event);
    held.letGo(event);
    expect([held.countOf(event.bucket), held.seqs(all), held.has(event.seq)]).toEqual([1, [other.seq], false]);
  });

  it("are remembered until the read has been dealt with that was under way when they were let go: it may have seen them", async () => {
    const held = createHeldEvents();
    const answer = createGate();
    held.hold(event);
    const read = held.during(async () => {
      await answer.opened;
      return held.has(event.seq);
    });
    held.letGo(event);
    expect(held.seqs(all)).toEqual([]);
    answer.open();
    expect(await read).toBe(true);
    expect(held.has(event.seq)).toBe(false);
  });

  it("are forgotten also when that read fails", async () => {
    const held = createHeldEvents();
    held.hold(event);
    const read = held.during(async () => {
      held.letGo(event);
      throw new Error("the database is away");
    });
    await expect(read).rejects.toThrow("away");
    expect(held.has(event.seq)).toBe(false);
  });
});
