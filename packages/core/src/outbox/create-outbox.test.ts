import { describe, expect, it } from "vitest";
import { observeRepository } from "../../test/observed-repository.js";
import { sampleDraft, sampleDrafts } from "../../test/sample-events.js";
import { limits } from "../defaults.js";
import { createOutbox } from "./create-outbox.js";

describe("createOutbox", () => {
  it("refuses options that cannot work, all at once", () => {
    expect(() => createOutbox({ repository: {}, payloadMaxBytes: 1, strict: "no", table: "outbox" } as never)).toThrow(
      /^CONFIG\.INVALID_OPTIONS: createOutbox: 4 problems: repository: .*; payloadMaxBytes: .*>=1024, it is 1; strict: .*; unknown option "table"$/,
    );
    expect(() => createOutbox(undefined as never)).toThrow(/^CONFIG\.INVALID_OPTIONS: /);
  });
});

describe("add", () => {
  it("stores an event with the transaction and says its seq", async () => {
    const repository = observeRepository();
    const outbox = createOutbox({ repository });
    const draft = sampleDraft();
    const added = await repository.transaction(async (tx) => {
      const result = await outbox.add(tx, draft);
      expect(repository.all()).toEqual([]);
      return result;
    });
    expect(added).toEqual([{ id: draft.id, seq: 1n, duplicate: false }]);
    expect(repository.all()).toMatchObject([{ id: draft.id, seq: 1n }]);
  });

  it("hands many events over in one call of the repository, in the order given", async () => {
    const repository = observeRepository();
    const drafts = sampleDrafts(limits.addMaxEvents);
    const added = await repository.transaction((tx) => createOutbox({ repository }).add(tx, drafts));
    expect(repository.statements).toEqual(["add"]);
    expect(added.map(({ id }) => id)).toEqual(drafts.map(({ id }) => id));
    expect(repository.all().map(({ id }) => id)).toEqual(drafts.map(({ id }) => id));
  });

  it("says which events were stored before", async () => {
    const repository = observeRepository();
    const outbox = createOutbox({ repository });
    const draft = sampleDraft();
    const added = await repository.transaction((tx) =>
      outbox.add(tx, [draft, draft, sampleDraft({ idempotencyKey: "k" }), sampleDraft({ idempotencyKey: "k" })]),
    );
    expect(added.map(({ duplicate }) => duplicate)).toEqual([false, true, false, true]);
  });

  it("sends nothing for an empty list", async () => {
    const repository = observeRepository();
    expect(await repository.transaction((tx) => createOutbox({ repository }).add(tx, []))).toEqual([]);
    expect(repository.statements).toEqual([]);
  });

  it("refuses more events than fit into one call, with limit and number", async () => {
    const repository = observeRepository();
    const drafts = new Array(limits.addMaxEvents + 1).fill(sampleDraft());
    await expect(repository.transaction((tx) => createOutbox({ repository }).add(tx, drafts))).rejects.toMatchObject({
      code: "MESSAGE.INVALID_EVENT",
      message: expect.stringContaining("at most 10000 in one call of add, they are 10001"),
      meta: { limit: 10_000, count: 10_001 },
    });
    expect(repository.statements).toEqual([]);
  });

  it.each([undefined, null, 1, "event", {}, [undefined], { type: "order.placed", payload: {} }])(
    "refuses %j, which is no event made by a definition",
    async (events) => {
      const repository = observeRepository();
      const outbox = createOutbox({ repository });
      await expect(repository.transaction((tx) => outbox.add(tx, events as never))).rejects.toMatchObject({
        code: "MESSAGE.INVALID_EVENT",
        message: expect.stringMatching(/create\(/),
      });
      expect(repository.statements).toEqual([]);
    },
  );

  it("refuses a list with holes", async () => {
    const repository = observeRepository();
    const holes: unknown[] = [sampleDraft()];
    holes[2] = sampleDraft();
    for (const events of [holes, new Array(2)]) {
      const adding = repository.transaction((tx) => createOutbox({ repository }).add(tx, events as never));
      await expect(adding).rejects.toMatchObject({ code: "MESSAGE.INVALID_EVENT" });
    }
    expect(repository.statements).toEqual([]);
  });

  it("stores the events that it checked, whatever becomes of the list meanwhile", async () => {
    const repository = observeRepository();
    const events = [sampleDraft()];
    await repository.transaction((tx) => {
      const adding = createOutbox({ repository }).add(tx, events);
      events.push({ ...sampleDraft(), topic: "" });
      return adding;
    });
    expect(repository.all()).toHaveLength(1);
  });

  it("refuses a changed copy of an event, whose fields nobody has checked", async () => {
    const repository = observeRepository();
    const outbox = createOutbox({ repository });
    const changed = { ...sampleDraft(), topic: "x".repeat(1_000) };
    await expect(repository.transaction((tx) => outbox.add(tx, changed))).rejects.toMatchObject({
      code: "MESSAGE.INVALID_EVENT",
    });
  });

  it("passes the error of a failed statement on unchanged", async () => {
    const repository = observeRepository();
    const failure = Object.assign(new Error("could not serialize access"), { code: "P2034" });
    repository.failNext("add", failure);
    await expect(repository.transaction((tx) => createOutbox({ repository }).add(tx, sampleDraft()))).rejects.toBe(
      failure,
    );
  });
});

describe("a strict outbox", () => {
  it("refuses the client outside a transaction before it checks or sends anything", async () => {
    const repository = observeRepository();
    for (const outbox of [createOutbox({ repository }), createOutbox({ repository, strict: true })]) {
      const adding = outbox.add(repository.client as never, sampleDraft());
      await expect(adding).rejects.toMatchObject({
        code: "CONFIG.TRANSACTION_REQUIRED",
        message: expect.stringMatching(/outside a transaction.*\$transaction.*strict: false/),
      });
      await expect(outbox.add(repository.client as never, [])).rejects.toThrow(/TRANSACTION_REQUIRED/);
    }
    expect(repository.statements).toEqual([]);
  });
});

describe("an outbox that is not strict", () => {
  it("stores events given to the client outside a transaction at once", async () => {
    const repository = observeRepository();
    const outbox = createOutbox({ repository, strict: false });
    await outbox.add(repository.client, sampleDraft());
    expect(repository.all()).toHaveLength(1);
  });

  it("still takes transactions", async () => {
    const repository = observeRepository();
    const outbox = createOutbox({ repository, strict: false });
    const rolledBack = repository.transaction(async (tx) => {
      await outbox.add(tx, sampleDraft());
      throw new Error("rolled back");
    });
    await expect(rolledBack).rejects.toThrow("rolled back");
    expect(repository.all()).toEqual([]);
  });
});
