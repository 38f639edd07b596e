import { describe, expect, it } from "vitest";
import { observeRepository } from "../../test/observed-repository.js";
import { sampleDraft, storeEvents } from "../../test/sample-events.js";
import { defaults } from "../defaults.js";
import type { ErrorCode } from "../errors/error-codes.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { createEventService } from "./create-event-service.js";

const ada = { workerId: "ada" };
const bob = { workerId: "bob" };

async function setUp(onPublished: "keep" | "delete" = "keep") {
  const clock = createManualClock();
  const repository = observeRepository(createMemoryOutboxRepository({ clock, onPublished }));
  const [event] = (await storeEvents(repository, [sampleDraft()])) as [OutboxEvent];
  repository.forgetCalls();
  const service = createEventService<OutboxEvent>(repository, { clock });
  const current = () => repository.findById(event.id);
  const letLeaseRunOut = () => clock.advance(defaults.leaseMs);
  return { clock, repository, service, event, id: event.id, current, letLeaseRunOut };
}

/** What a refusal has to look like: its code, the event's id in message and facts, and what is wrong. */
function refusal(code: ErrorCode, id: string, message: RegExp) {
  return { code, message: expect.stringMatching(new RegExp(`^${code}: .*${id}.*${message.source}`)) };
}

describe("createEventService", () => {
  it("refuses what is no repository", () => {
    expect(() => createEventService({} as never)).toThrow(
      /^CONFIG\.INVALID_OPTIONS: createEventService: 1 problem: repository: expected a repository/,
    );
  });
});

describe("lock", () => {
  it("leases the event, due or not, and hands out what later calls are checked against", async () => {
    const { clock, repository, service } = await setUp();
    const scheduledAt = new Date(clock.now() + 60_000);
    const [event] = await storeEvents(repository, [sampleDraft({ scheduledAt })]);
    const locked = await service.lock(event?.id ?? "", ada);
    const until = new Date(clock.now() + defaults.leaseMs);
    expect(locked.event.lease).toEqual({ token: locked.fence.token, workerId: "ada", until });
    expect(locked.fence.kind).toBe("lease");
  });

  it("refuses an event that someone else has locked, and says who and until when", async () => {
    const { service, id } = await setUp();
    const { event } = await service.lock(id, bob);
    await expect(service.lock(id, ada)).rejects.toMatchObject({
      ...refusal("STORE.LOCKED_BY_ANOTHER", id, /is locked by bob until/),
      message: expect.stringContaining(event.lease?.until.toISOString() ?? "?"),
      meta: { missingIds: [id], workerId: "bob" },
      retryable: true,
    });
  });

  it("refuses an event that the same worker has locked already", async () => {
    const { service, id } = await setUp();
    await service.lock(id, ada);
    await expect(service.lock(id, ada)).rejects.toMatchObject({
      ...refusal("STORE.ALREADY_LOCKED", id, /is locked by this worker \(ada\) already, until/),
      meta: { workerId: "ada" },
    });
  });

  it("takes over a lease that has run out, also the same worker's", async () => {
    const { service, id, letLeaseRunOut } = await setUp();
    const first = await service.lock(id, ada);
    await letLeaseRunOut();
    const second = await service.lock(id, ada);
    expect(second.fence.token).not.toBe(first.fence.token);
    await letLeaseRunOut();
    expect((await service.lock(id, bob)).event.lease?.workerId).toBe("bob");
  });

  it("refuses an event that does not exist", async () => {
    const { service } = await setUp();
    await expect(service.lock("01890a5d-ac96-774b-bcce-b302099a8057", ada)).rejects.toMatchObject({
      ...refusal("STORE.NOT_FOUND", "01890a5d-ac96-774b-bcce-b302099a8057", /published events may be deleted/),
      retryable: false,
    });
  });

  it.each(["completed", "failed"] as const)("refuses an event that is %s", async (status) => {
    const { service, id } = await setUp();
    const locked = await service.lock(id, ada);
    await (status === "completed" ? service.complete(locked) : service.fail(locked, "x"));
    await expect(service.lock(id, ada)).rejects.toMatchObject(
      refusal("STORE.INVALID_STATE", id, new RegExp(`is ${status}: only pending events`)),
    );
  });

  it("speaks of a concurrent update when the reason is gone by the time it is looked for", async () => {
    const { repository, service, id } = await setUp();
    repository.onNext("lock", async () => null);
    await expect(service.lock(id, ada)).rejects.toMatchObject(
      refusal("STORE.CONCURRENT_UPDATE", id, /read it and try again/),
    );
  });

  it.each([0, -1, 1.5, Number.NaN, 3e9, "soon"])("refuses %s as a lease", async (leaseMs) => {
    const { repository, service, id } = await setUp();
    await expect(service.lock(id, { workerId: "ada", leaseMs: leaseMs as number })).rejects.toThrow(
      /^CONFIG\.INVALID_OPTIONS: lock: 1 problem: leaseMs: /,
    );
    expect(repository.statements).toEqual([]);
  });

  it.each(["", "x".repeat(256), undefined])("refuses %j as a worker's name", async (workerId) => {
    const { service, id } = await setUp();
    await expect(service.lock(id, { workerId: workerId as string })).rejects.toThrow(
      /^CONFIG\.INVALID_OPTIONS: lock: 1 problem: workerId: /,
    );
  });
});

describe("refresh", () => {
  it("extends the lease from now", async () => {
    const { clock, service, id, current } = await setUp();
    const locked = await service.lock(id, ada);
    await clock.advance(1_000);
    await service.refresh(locked, 600_000);
    expect((await current())?.lease?.until).toEqual(new Date(clock.now() + 600_000));
    await service.refresh(locked);
    expect((await current())?.lease?.until).toEqual(new Date(clock.now() + defaults.leaseMs));
  });

  it("refuses a length that is none", async () => {
    const { service, id } = await setUp();
    const locked = await service.lock(id, ada);
    await expect(service.refresh(locked, Number.NaN)).rejects.toThrow(/^CONFIG\.INVALID_OPTIONS: refresh: .*leaseMs/);
  });
});

describe("unlock", () => {
  it("gives the event back as it was: pending, uncounted, without a lease", async () => {
    const { service, event, id, current } = await setUp();
    await service.unlock(await service.lock(id, ada));
    expect(await current()).toEqual(event);
  });

  it("leaves an event that was backing off backing off", async () => {
    const { clock, repository, service, id, current } = await setUp();
    const { fence, event } = await service.lock(id, ada);
    const row = { id, seq: event.seq, attemptsMade: 1, startedAttempts: 2, delayMs: 60_000, error: "nacked" };
    await repository.recordPending(fence, [row]);
    const backingOff = await current();
    const locked = await service.lock(id, ada);
    await clock.advance(10_000);
    await service.unlock(locked);
    expect(await current()).toEqual(backingOff);
  });

  it("gives an event back as due whose backoff is over by then", async () => {
    const { clock, repository, service, id } = await setUp();
    const { fence, event } = await service.lock(id, ada);
    const row = { id, seq: event.seq, attemptsMade: 1, startedAttempts: 0, delayMs: 5_000, error: "nacked" };
    await repository.recordPending(fence, [row]);
    const locked = await service.lock(id, ada);
    await clock.advance(10_000);
    await service.unlock(locked);
    expect(await repository.findDue({ limit: 1 })).toHaveLength(1);
  });
});

describe("complete", () => {
  it("marks the event as completed, or deletes it where the repository is configured so", async () => {
    const kept = await setUp("keep");
    await kept.service.complete(await kept.service.lock(kept.id, ada));
    expect(await kept.current()).toMatchObject({ status: "completed", lease: null });
    const deleted = await setUp("delete");
    await deleted.service.complete(await deleted.service.lock(deleted.id, ada));
    expect(await deleted.current()).toBeNull();
  });

  it("counts although the lease has run out, as long as nobody took the event over", async () => {
    const { service, id, current, letLeaseRunOut } = await setUp();
    const locked = await service.lock(id, ada);
    await letLeaseRunOut();
    await service.complete(locked);
    expect(await current()).toMatchObject({ status: "completed" });
  });
});

describe("fail", () => {
  it("gives the event up with its reason, in the form in which it can be stored", async () => {
    const { service, id, current } = await setUp();
    await service.fail(await service.lock(id, ada), `no customer\0 at amqp://u:secret@h ${"x".repeat(5_000)}`);
    const failed = await current();
    expect(failed).toMatchObject({ status: "failed", attemptsMade: 0, lease: null });
    expect(failed?.lastError).toMatch(/^no customer {1,2}at amqp:\/\/\*\*\*@h x+… \(truncated\)$/);
  });
});

describe("forceUnlock", () => {
  it("takes anyone's lease away, keeps the reason, and leaves the holder without effect", async () => {
    const { service, id, current } = await setUp();
    const locked = await service.lock(id, bob);
    const event = await service.forceUnlock(id, "host\0 is gone");
    expect(event).toMatchObject({ lease: null, status: "pending" });
    expect(event.lastError).toMatch(/^lease removed by force: host {1,2}is gone$/);
    await expect(service.complete(locked)).rejects.toMatchObject(refusal("STORE.NOT_LOCKED", id, /lock it again/));
    expect(await current()).toEqual(event);
  });

  it("refuses an event that does not exist, and one that is not pending", async () => {
    const { service, id } = await setUp();
    await expect(service.forceUnlock("no-such-event", "x")).rejects.toMatchObject({ code: "STORE.NOT_FOUND" });
    await service.complete(await service.lock(id, ada));
    await expect(service.forceUnlock(id, "x")).rejects.toMatchObject({ code: "STORE.INVALID_STATE" });
  });
});

describe.each(["refresh", "unlock", "complete", "fail"] as const)(
  "%s under a lease that is held no longer",
  (method) => {
    type Setting = Awaited<ReturnType<typeof setUp>>;
    const call = (service: Setting["service"], locked: Awaited<ReturnType<Setting["service"]["lock"]>>) =>
      method === "fail" ? service.fail(locked, "reason") : service[method](locked);

    it("is refused when another worker has the event, and changes nothing", async () => {
      const { service, id, current, letLeaseRunOut } = await setUp();
      const locked = await service.lock(id, ada);
      await letLeaseRunOut();
      await service.lock(id, bob);
      const before = await current();
      await expect(call(service, locked)).rejects.toMatchObject(
        refusal("STORE.LOCKED_BY_ANOTHER", id, /is locked by bob until/),
      );
      expect(await current()).toEqual(before);
    });

    it("is refused when the same worker has locked it anew", async () => {
      const { service, id, letLeaseRunOut } = await setUp();
      const locked = await service.lock(id, ada);
      await letLeaseRunOut();
      await service.lock(id, ada);
      await expect(call(service, locked)).rejects.toMatchObject({ code: "STORE.LOCKED_BY_ANOTHER" });
    });

    it("is refused when nobody holds it", async () => {
      const { service, id } = await setUp();
      const locked = await service.lock(id, ada);
      await service.unlock(locked);
      await expect(call(service, locked)).rejects.toMatchObject(refusal("STORE.NOT_LOCKED", id, /lock it again/));
    });

    it("is refused when the event is completed, failed or gone", async () => {
      const kept = await setUp("keep");
      const completed = await kept.service.lock(kept.id, ada);
      await kept.service.complete(completed);
      await expect(call(kept.service, completed)).rejects.toMatchObject(
        refusal("STORE.INVALID_STATE", kept.id, /completed/),
      );

      const given = await setUp();
      const failed = await given.service.lock(given.id, ada);
      await given.service.fail(failed, "x");
      await expect(call(given.service, failed)).rejects.toMatchObject(
        refusal("STORE.INVALID_STATE", given.id, /failed/),
      );

      const gone = await setUp("delete");
      const deleted = await gone.service.lock(gone.id, ada);
      await gone.service.complete(deleted);
      await expect(call(gone.service, deleted)).rejects.toMatchObject({
        code: "STORE.NOT_FOUND",
        meta: { missingIds: [gone.id] },
      });
    });

    it("speaks of a concurrent update when the event looks right again by the time it is read", async () => {
      const { repository, service, event, id } = await setUp();
      const locked = await service.lock(id, ada);
      const missing = { missing: [{ id, seq: event.seq }] };
      const statement = {
        refresh: "extendLease",
        unlock: "recordPending",
        complete: "recordCompleted",
        fail: "recordFailed",
      } as const;
      repository.onNext(statement[method], async () => missing);
      await expect(call(service, locked)).rejects.toMatchObject(refusal("STORE.CONCURRENT_UPDATE", id, /try again/));
    });

    it("is one statement when all is well, and passes the store's errors on unchanged", async () => {
      const { repository, service, id } = await setUp();
      const locked = await service.lock(id, ada);
      repository.forgetCalls();
      await call(service, locked);
      expect(repository.statements).toHaveLength(1);
      const failure = new OmniBoxError("STORE.UNREACHABLE", "x");
      const method = repository.statements[0] ?? "verify";
      repository.failNext(method, failure);
      await expect(call(service, locked)).rejects.toBe(failure);
    });
  },
);
