import { describe, expect, it } from "vitest";
import { observeRepository } from "../../test/observed-repository.js";
import { sampleDraft, sampleDrafts } from "../../test/sample-events.js";
import { createOutbox } from "./create-outbox.js";

describe("the metrics of an outbox", () => {
  it("are zero in the beginning, and a snapshot", async () => {
    const repository = observeRepository();
    const outbox = createOutbox({ repository });
    const before = outbox.metrics();
    await repository.transaction((tx) => outbox.add(tx, sampleDraft()));
    expect(before).toEqual({ added: 0, duplicates: 0, refused: 0, failed: 0 });
    expect(outbox.metrics()).toEqual({ added: 1, duplicates: 0, refused: 0, failed: 0 });
  });

  it("count what was stored, and what had been stored before", async () => {
    const repository = observeRepository();
    const outbox = createOutbox({ repository });
    const [first, second] = [sampleDraft(), sampleDraft()];
    await repository.transaction(async (tx) => {
      await outbox.add(tx, [first, first, second]);
      await outbox.add(tx, second);
      await outbox.add(tx, []);
    });
    expect(outbox.metrics()).toEqual({ added: 2, duplicates: 2, refused: 0, failed: 0 });
  });

  it("count what is refused by the events of the call, of which nothing is stored", async () => {
    const repository = observeRepository();
    const outbox = createOutbox({ repository, payloadMaxBytes: 1_024 });
    const tooLarge = sampleDraft({ payload: { text: "x".repeat(2_000) } });
    await expect(repository.transaction((tx) => outbox.add(tx, [sampleDraft(), tooLarge]))).rejects.toThrow();
    await expect(outbox.add({ $connect: () => undefined } as never, sampleDrafts(3))).rejects.toThrow();
    expect(outbox.metrics()).toEqual({ added: 0, duplicates: 0, refused: 5, failed: 0 });
  });

  it("count what the database did not take", async () => {
    const repository = observeRepository();
    const broken = new Error("connection lost");
    const outbox = createOutbox({ repository: { ...repository, add: () => Promise.reject(broken) } });
    await expect(repository.transaction((tx) => outbox.add(tx, sampleDrafts(2)))).rejects.toBe(broken);
    expect(outbox.metrics()).toEqual({ added: 0, duplicates: 0, refused: 0, failed: 2 });
  });
});
