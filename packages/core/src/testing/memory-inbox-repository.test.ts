import { describe, expect, it } from "vitest";
import type { ErrorCode } from "../errors/error-codes.js";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import { createOutboxEvent } from "../events/create-outbox-event.js";
import { createInboxEventId, type InboxEventDraft } from "../events/inbox-event-draft.js";
import type { InboxRow, InboxTransaction } from "../protocols/inbox-event-repository.js";
import { createManualClock } from "./manual-clock.js";
import { createMemoryInboxRepository } from "./memory-inbox-repository.js";
import { createMemoryOutboxRepository } from "./memory-outbox-repository.js";
import type { MemoryTransaction } from "./memory-transaction.js";

function draft(fields: Partial<InboxEventDraft> = {}): InboxEventDraft {
  return {
    id: createInboxEventId(),
    messageId: "m1",
    consumerGroup: "shipping",
    source: "shipping.orders",
    type: "order.placed",
    schemaVersion: "1",
    topic: "orders",
    partitionKey: "k",
    payload: {},
    headers: {},
    traceId: null,
    correlationId: null,
    causationId: null,
    maxAttempts: 3,
    senderSeq: null,
    body: null,
    ...fields,
  };
}

const pending = (message: InboxEventDraft, fields: Partial<InboxRow> = {}): InboxRow => ({
  draft: message,
  status: "pending",
  attemptsMade: 0,
  startedAttempts: 0,
  delayMs: null,
  error: null,
  ...fields,
});
const limits = { timeoutMs: 1_000 };
const anyOrder = { behindPending: "insert" } as const;
const inOrder = { behindPending: "leave" } as const;
const leaseBy = (token: string) => ({ limit: 10, token, workerId: "w", leaseMs: 500 });
const withCode = (code: ErrorCode) =>
  expect.toSatisfy((error) => isOmniBoxError(error, code), `an error with code ${code}`);
/** By then everything that could go on without the outside has done so. */
const standstill = () => new Promise((resolve) => setImmediate(resolve));

function opened() {
  const clock = createManualClock();
  const repository = createMemoryInboxRepository({ clock });
  const effects: string[] = [];
  /** Handles a message as the inline consumer does. */
  const handle = (message: InboxEventDraft, until: Promise<unknown> = Promise.resolve()) =>
    repository.transaction(async (tx) => {
      const [answer] = await tx.insertCompleted([message], anyOrder);
      if (answer?.kind === "stored") tx.client.onCommit(() => effects.push(message.messageId));
      await until;
      return answer;
    }, limits);
  return { clock, repository, effects, handle };
}

function signal() {
  let send: (error?: Error) => void = () => undefined;
  const arrived = new Promise<void>((resolve, reject) => {
    send = (error) => (error === undefined ? resolve() : reject(error));
  });
  return { arrived, send };
}

describe("a transaction of the in-memory inbox", () => {
  it("commits the row and the effects of the handler together", async () => {
    const { repository, effects, handle } = opened();
    expect(await handle(draft())).toMatchObject({ kind: "stored" });
    expect(effects).toEqual(["m1"]);
    expect(repository.all()).toMatchObject([{ messageId: "m1", status: "completed", seq: 1n, lease: null }]);
  });

  it("leaves neither when the handler fails, and rejects with its error", async () => {
    const { repository, effects, handle } = opened();
    const failure = new Error("handler failed");
    await expect(handle(draft(), Promise.reject(failure))).rejects.toBe(failure);
    expect([effects, repository.all()]).toEqual([[], []]);
  });

  it("answers duplicate for a message that is stored, with its id and status", async () => {
    const { repository, effects, handle } = opened();
    const failed = draft({ messageId: "m2" });
    await repository.store([pending(failed, { status: "failed", error: "bad" })]);
    const first = await handle(draft());
    expect(await handle(draft())).toEqual({ ...first, kind: "duplicate", status: "completed" });
    expect(await handle(draft({ messageId: "m2" }))).toEqual({ kind: "duplicate", id: failed.id, status: "failed" });
    expect(effects).toEqual(["m1"]);
  });

  it("keeps messages of other groups, and other messages of the group, apart", async () => {
    const { effects, handle } = opened();
    await handle(draft());
    await handle(draft({ consumerGroup: "billing" }));
    await handle(draft({ messageId: "m2" }));
    expect(effects).toEqual(["m1", "m1", "m2"]);
  });

  it.each([
    ["commits, is a duplicate", undefined, "duplicate"],
    ["rolls back, is inserted", new Error("first fails"), "stored"],
  ])("waits for a parallel one of the same message and, when that %s", async (_, failure, kind) => {
    const { effects, handle } = opened();
    const end = signal();
    const first = handle(draft(), end.arrived).catch((error: unknown) => error);
    let second: unknown = "waiting";
    const waiting = handle(draft()).then((answer) => {
      second = answer?.kind;
    });
    await standstill();
    expect(second).toBe("waiting");
    end.send(failure);
    await Promise.all([first, waiting]);
    expect([second, effects]).toEqual([kind, ["m1"]]);
  });

  it("lets exactly one of many parallel ones handle a message, also when the first ones fail", async () => {
    const { repository, effects, handle } = opened();
    const failing = [1, 2].map(() => handle(draft(), Promise.reject(new Error("no"))).catch(() => "failed"));
    const answers = await Promise.all([...failing, ...[1, 2, 3].map(() => handle(draft()))]);
    expect(answers.filter((answer) => typeof answer === "object" && answer.kind === "stored")).toHaveLength(1);
    expect([effects, repository.all().length]).toEqual([["m1"], 1]);
  });

  it("gives up with STORE.CONFLICT on a message that is held for longer than its lock time-out", async () => {
    const { clock, handle } = opened();
    const repository = createMemoryInboxRepository({ clock, lockTimeoutMs: 100 });
    const end = signal();
    const first = repository.transaction(async (tx) => {
      await tx.insertCompleted([draft()], anyOrder);
      await end.arrived;
    }, limits);
    const second = repository.transaction((tx) => tx.insertCompleted([draft()], anyOrder), limits);
    const third = repository.store([pending(draft())]);
    const refused = Promise.all(
      [second, third].map((busy) => expect(busy).rejects.toEqual(withCode("STORE.CONFLICT"))),
    );
    await clock.advance(100);
    await refused;
    end.send();
    await first;
    await handle(draft());
    expect([repository.all().length, clock.pendingTimers]).toEqual([1, 0]);
  });

  it("ends a deadlock with STORE.CONFLICT for one, and the other commits", async () => {
    const { repository } = opened();
    const run = (...messageIds: string[]) =>
      repository.transaction(async (tx) => {
        for (const messageId of messageIds) {
          await tx.insertCompleted([draft({ messageId })], anyOrder);
          await standstill();
        }
      }, limits);
    const [first, second] = await Promise.allSettled([run("a", "b"), run("b", "a")]);
    const failures = [first, second].flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    expect(failures).toEqual([withCode("STORE.CONFLICT")]);
    expect(repository.all()).toHaveLength(2);
  });

  it("lets micro-batches of the same messages in opposite order wait for each other without a deadlock", async () => {
    const { repository } = opened();
    const run = (...messageIds: string[]) =>
      repository.transaction(async (tx) => {
        const drafts = messageIds.map((messageId) => draft({ messageId }));
        const answers = await tx.insertCompleted(drafts, anyOrder);
        await standstill();
        return answers.map(({ kind }) => kind);
      }, limits);
    expect(await Promise.all([run("a", "b"), run("b", "a")])).toEqual([
      ["stored", "stored"],
      ["duplicate", "duplicate"],
    ]);
  });

  it("recognises a message that is twice in one batch", async () => {
    const { repository } = opened();
    const first = draft();
    const answers = await repository.transaction((tx) => tx.insertCompleted([first, draft()], anyOrder), limits);
    expect(answers).toEqual([
      { kind: "stored", id: first.id },
      { kind: "duplicate", id: first.id, status: "completed" },
    ]);
  });

  it("cannot commit after a failed statement whose error was swallowed: INBOX.TRANSACTION_ABORTED", async () => {
    const { repository, effects } = opened();
    const swallowing = repository.transaction(async (tx) => {
      await tx.insertCompleted([draft()], anyOrder);
      tx.client.onCommit(() => effects.push("never"));
      await tx.client.fail().catch(() => "swallowed");
    }, limits);
    await expect(swallowing).rejects.toEqual(withCode("INBOX.TRANSACTION_ABORTED"));
    expect([effects, repository.all()]).toEqual([[], []]);
  });

  it("refuses every further statement after a failed one: INBOX.TRANSACTION_ABORTED", async () => {
    const { repository } = opened();
    const outbox = createMemoryOutboxRepository();
    const goingOn: ((tx: InboxTransaction<MemoryTransaction>) => unknown)[] = [
      (tx) => tx.client.onCommit(() => undefined),
      (tx) => tx.client.fail(),
      (tx) => tx.insertCompleted([draft()], anyOrder),
      (tx) => tx.complete({ kind: "lease", token: "t" }, { id: "1", seq: 1n }),
      (tx) => outbox.add(tx.client, []),
    ];
    for (const statement of goingOn) {
      const work = repository.transaction(async (tx) => {
        await tx.client.fail().catch(() => "swallowed");
        await statement(tx);
      }, limits);
      await expect(work).rejects.toEqual(withCode("INBOX.TRANSACTION_ABORTED"));
    }
  });

  it("refuses a payload that no database takes, which fails the statement like any other", async () => {
    const { repository } = opened();
    const bad = draft({ messageId: "m2", payload: { text: "\u0000" } });
    await expect(repository.store([pending(draft()), pending(bad)])).rejects.toEqual(withCode("STORE.DATA_ERROR"));
    const swallowing = repository.transaction(async (tx) => {
      await tx.insertCompleted([draft(), bad], anyOrder).catch(() => "swallowed");
    }, limits);
    await expect(swallowing).rejects.toEqual(withCode("INBOX.TRANSACTION_ABORTED"));
    expect(repository.all()).toEqual([]);
  });

  it("rejects with the statement's own error when the handler lets it out", async () => {
    const { repository } = opened();
    const error = new Error("unique violation");
    await expect(repository.transaction((tx) => tx.client.fail(error), limits)).rejects.toBe(error);
  });

  it("is rolled back when it takes too long, lets others in at once, and is dead for its handler", async () => {
    const { clock, effects, handle, repository } = opened();
    const end = signal();
    let late: unknown;
    const slow = repository.transaction(async (tx) => {
      await tx.insertCompleted([draft()], anyOrder);
      await end.arrived;
      late = await tx.insertCompleted([draft({ messageId: "late" })], anyOrder).catch((error: unknown) => error);
      tx.client.onCommit(() => effects.push("late"));
    }, limits);
    const refused = expect(slow).rejects.toEqual(withCode("INBOX.HANDLER_TIMEOUT"));
    const next = handle(draft());
    await clock.advance(1_000);
    await refused;
    expect(await next).toMatchObject({ kind: "stored" });
    end.send();
    await standstill();
    expect(late).toEqual(withCode("STORE.TRANSACTION_FAILED"));
    expect([effects, repository.all().length, clock.pendingTimers]).toEqual([["m1"], 1, 0]);
  });

  it("takes the events of any in-memory outbox with it", async () => {
    const { repository, effects } = opened();
    const outbox = createMemoryOutboxRepository();
    const published = createOutboxEvent({
      type: "shipment.prepared",
      schemaVersion: "1",
      topic: "shipments",
      aggregateType: "shipment",
      aggregateId: "1",
      payload: {},
    });
    const run = (failure: Error | null) =>
      repository.transaction(async (tx) => {
        await tx.insertCompleted([draft()], anyOrder);
        await outbox.add(tx.client, [published]);
        tx.client.onCommit(() => effects.push("m1"));
        if (failure !== null) throw failure;
      }, limits);
    await expect(run(new Error("no"))).rejects.toThrow("no");
    expect([repository.all(), outbox.all(), effects]).toEqual([[], [], []]);
    await run(null);
    expect([repository.all().length, outbox.all().length, effects]).toEqual([1, 1, ["m1"]]);
  });
});

describe("messages whose key has an earlier pending one in the in-memory inbox", () => {
  it("are left out when asked for, in their group and key only", async () => {
    const { repository } = opened();
    await repository.store([pending(draft())]);
    const drafts = [
      draft({ messageId: "m2" }),
      draft({ messageId: "m3", partitionKey: "other" }),
      draft({ messageId: "m4", consumerGroup: "billing" }),
      draft(),
    ];
    const run = (options: typeof inOrder | typeof anyOrder) =>
      repository.transaction(async (tx) => (await tx.insertCompleted(drafts, options)).map(({ kind }) => kind), limits);
    expect(await run(inOrder)).toEqual(["blocked", "stored", "stored", "duplicate"]);
    expect(await run(anyOrder)).toEqual(["stored", "duplicate", "duplicate", "duplicate"]);
  });

  it("are inserted once that one has been completed or has failed", async () => {
    const { repository } = opened();
    await repository.store([pending(draft())]);
    await repository.claim(leaseBy("t"));
    const row = { id: repository.all()[0]?.id ?? "", seq: 1n };
    await repository.recordFailed({ kind: "lease", token: "t" }, [{ ...row, attemptsMade: 1, error: "bad" }]);
    const [answer] = await repository.transaction(
      (tx) => tx.insertCompleted([draft({ messageId: "m2" })], inOrder),
      limits,
    );
    expect(answer?.kind).toBe("stored");
  });
});

describe("storing in the in-memory inbox", () => {
  it("keeps what each row says, in the order given, and changes nothing when repeated", async () => {
    const { clock, repository } = opened();
    const body = Buffer.from("as received");
    const rows = [
      pending(draft({ messageId: "z" }), { delayMs: 200, attemptsMade: 9, error: "first", startedAttempts: 1 }),
      pending(draft({ messageId: "a", body }), { status: "failed", error: "undecodable" }),
      pending(draft({ messageId: "b" }), { status: "completed" }),
    ];
    const [first] = await repository.store(rows);
    expect(first).toEqual({ kind: "stored", id: rows[0]?.draft.id });
    body.fill(0);
    const now = clock.now();
    const stored = repository.all();
    expect(stored).toMatchObject([
      {
        attemptsMade: 3,
        nextAttemptAt: new Date(now + 200),
        lastError: "first",
        startedAttempts: 1,
        status: "pending",
      },
      { status: "failed", lastError: "undecodable", nextAttemptAt: null, completedAt: null },
      { status: "completed", completedAt: new Date(now) },
    ]);
    expect(Buffer.from(stored[1]?.body ?? []).toString()).toBe("as received");
    await clock.advance(5);
    expect((await repository.store(rows)).map(({ kind }) => kind)).toEqual(["duplicate", "duplicate", "duplicate"]);
    expect(repository.all()).toEqual(stored);
  });

  it("waits for a transaction that handles the message, and finds it completed", async () => {
    const { repository, handle } = opened();
    const end = signal();
    const handling = handle(draft(), end.arrived);
    const storing = repository.store([pending(draft())]);
    await standstill();
    end.send();
    await handling;
    expect(await storing).toMatchObject([{ kind: "duplicate", status: "completed" }]);
  });
});

describe("working on stored events of the in-memory inbox", () => {
  async function withPending(...drafts: InboxEventDraft[]) {
    const parts = opened();
    await parts.repository.store(drafts.map((message) => pending(message)));
    return parts;
  }

  it("claims by consumer group, source, topic and type; what only outbox events have matches nothing", async () => {
    const { repository } = await withPending(
      draft({ messageId: "1" }),
      draft({ messageId: "2", consumerGroup: "billing" }),
      draft({ messageId: "3", source: "other" }),
      draft({ messageId: "4", topic: "other", type: "other" }),
    );
    const due = async (filters: object) =>
      (await repository.findDue({ limit: 9, filters })).map(({ messageId }) => messageId);
    expect(await due({ consumerGroup: "billing" })).toEqual(["2"]);
    expect(await due({ consumerGroup: "shipping", sources: ["shipping.orders"] })).toEqual(["1", "4"]);
    expect(await due({ topics: ["other"], types: ["other", "more"] })).toEqual(["4"]);
    expect(await due({ aggregateTypes: ["order"] })).toEqual([]);
    expect(await due({ sources: [] })).toEqual([]);
  });

  it("claims only the earliest pending event of each key and group when asked to", async () => {
    const { repository } = await withPending(
      draft({ messageId: "1", type: "first" }),
      draft({ messageId: "2" }),
      draft({ messageId: "3", partitionKey: "other" }),
      draft({ messageId: "4", consumerGroup: "billing" }),
    );
    const heads = async (filters: object = {}) =>
      (await repository.findDue({ limit: 9, keyHeadsOnly: true, filters })).map(({ messageId }) => messageId);
    expect(await heads()).toEqual(["1", "3", "4"]);
    // The head of the key is of another type; it is not overtaken.
    expect(await heads({ types: ["order.placed"] })).toEqual(["3", "4"]);
  });

  it("marks what a lost lease left behind as suspect, keeps counted starts, and clears them with an outcome", async () => {
    const { clock, repository } = await withPending(draft());
    const [first] = await repository.claim(leaseBy("a"));
    await clock.advance(500);
    const [second] = await repository.claim(leaseBy("b"));
    expect([first?.startedAttempts, second?.startedAttempts]).toEqual([0, 1]);
    const row = { id: first?.id ?? "", seq: 1n };
    expect(await repository.recordStarted({ kind: "lease", token: "a" }, row, 2)).toEqual({ missing: [row] });
    expect(await repository.recordStarted({ kind: "lease", token: "b" }, row, 2)).toEqual({ missing: [] });
    await clock.advance(500);
    expect((await repository.claim(leaseBy("c")))[0]?.startedAttempts).toBe(2);
    await repository.recordPending({ kind: "lease", token: "c" }, [
      { ...row, attemptsMade: 1, startedAttempts: 0, delayMs: null, error: null },
    ]);
    expect(repository.all()[0]?.startedAttempts).toBe(0);
  });

  it("completes a leased row together with the handler's effects", async () => {
    const { repository, effects } = await withPending(draft());
    const [event] = await repository.claim(leaseBy("t"));
    const held = await repository.transaction((tx) => {
      tx.client.onCommit(() => effects.push("m1"));
      return tx.complete({ kind: "lease", token: "t" }, { id: event?.id ?? "", seq: 1n });
    }, limits);
    expect([held, effects]).toEqual([true, ["m1"]]);
    expect(repository.all()).toMatchObject([{ status: "completed", lease: null, startedAttempts: 0 }]);
    expect(repository.all()[0]?.completedAt).not.toBeNull();
  });

  it("does not complete a row whose lease someone else has by now", async () => {
    const { clock, repository } = await withPending(draft());
    const [event] = await repository.claim(leaseBy("slow"));
    await clock.advance(500);
    await repository.claim(leaseBy("quick"));
    const row = { id: event?.id ?? "", seq: 1n };
    const complete = (token: string) =>
      repository.transaction((tx) => tx.complete({ kind: "lease", token }, row), limits);
    expect(await complete("slow")).toBe(false);
    expect(await complete("quick")).toBe(true);
    expect(await complete("quick")).toBe(false);
  });

  it("keeps a row that is being completed from claims, and lets other statements on it wait", async () => {
    const { clock, repository } = await withPending(draft());
    const [event] = await repository.claim(leaseBy("t"));
    const row = { id: event?.id ?? "", seq: 1n };
    const fence = { kind: "lease", token: "t" } as const;
    const end = signal();
    const completing = repository.transaction(async (tx) => {
      await tx.complete(fence, row);
      await end.arrived;
    }, limits);
    await clock.advance(500);
    expect(await repository.claim(leaseBy("other"))).toEqual([]);
    const later = Promise.all([
      repository.extendLease(fence, [row], 500),
      repository.recordPending(fence, [{ ...row, attemptsMade: 1, startedAttempts: 0, delayMs: null, error: null }]),
      repository.lock(row.id, leaseBy("other")),
      repository.forceUnlock(row.id, "stuck"),
    ]);
    await standstill();
    end.send();
    await completing;
    expect(await later).toEqual([{ missing: [row] }, { missing: [row] }, null, null]);
    expect(repository.all()[0]?.status).toBe("completed");
  });

  it("leaves the row as it was when the transaction that completed it rolls back", async () => {
    const { repository } = await withPending(draft());
    const [event] = await repository.claim(leaseBy("t"));
    const failing = repository.transaction(async (tx) => {
      await tx.complete({ kind: "lease", token: "t" }, { id: event?.id ?? "", seq: 1n });
      throw new Error("no");
    }, limits);
    await expect(failing).rejects.toThrow("no");
    expect(repository.all()).toEqual([event]);
  });

  it("locks single events, and unlocks them by force with the reason noted", async () => {
    const { repository } = await withPending(draft());
    const id = repository.all()[0]?.id ?? "";
    expect((await repository.lock(id, leaseBy("a")))?.lease?.token).toBe("a");
    expect(await repository.lock(id, leaseBy("b"))).toBeNull();
    expect(await repository.forceUnlock(id, "stuck")).toMatchObject({ lease: null, lastError: "stuck" });
    expect((await repository.lock(id, leaseBy("b")))?.lease?.token).toBe("b");
    expect(await repository.lock("unknown", leaseBy("b"))).toBeNull();
    expect((await repository.findById(id))?.lease?.token).toBe("b");
  });
});

it("reports all bad options of the in-memory inbox at once", () => {
  const create = () => createMemoryInboxRepository({ bucketCount: 0, lockTimeoutMs: 0, shards: 3 } as never);
  expect(create).toThrowError(/bucketCount.*lockTimeoutMs.*unknown option "shards"/s);
});
