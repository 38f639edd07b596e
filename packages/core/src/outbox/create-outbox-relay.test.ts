import { describe, expect, it } from "vitest";
import { createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDraft, sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { EventPublisher } from "../protocols/event-publisher.js";
import { createMemoryBroker } from "../testing/memory-broker.js";
import { createOutboxRelay } from "./create-outbox-relay.js";

/** A publisher whose calls of start and stop are written down and go as told. */
function publisherWith(changes: Partial<EventPublisher>) {
  const base = createMemoryBroker().publisher();
  const calls: string[] = [];
  const publisher: EventPublisher = {
    ...base,
    start: () => {
      calls.push("start");
      return (changes.start ?? base.start)();
    },
    stop: (options) => {
      calls.push(`stop ${options.timeoutMs}`);
      return (changes.stop ?? base.stop)(options);
    },
  };
  return { publisher, calls };
}

/** A promise and how to settle it. */
function gate<T = void>() {
  let open: (value: T) => void = () => undefined;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe("start", () => {
  it("begins to relay", async () => {
    const { relay, repository, delivered, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(3));
    expect(relay.state).toBe("stopped");
    await relay.start();
    expect(relay.state).toBe("running");
    await settle(relay.drain());
    expect(delivered()).toEqual(["order-1", "order-2", "order-3"]);
    expect(repository.all().every(({ status }) => status === "completed")).toBe(true);
    await relay.stop();
  });

  it("is idempotent, also while it is under way: one loop, one check", async () => {
    const { relay, repository, clock, settle } = createRelayFixture();
    const [first, second] = [relay.start(), relay.start()];
    expect(relay.state).toBe("starting");
    await Promise.all([first, second]);
    await relay.start();
    expect(repository.statements.filter((method) => method === "verify")).toHaveLength(1);
    await clock.advance(9);
    expect(repository.statements.filter((method) => method === "claim")).toHaveLength(1);
    await settle(relay.stop());
  });

  it("reports everything that is missing in one error: tables, settings, and the broker's topology", async () => {
    const mismatch = new OmniBoxError("CONFIG.TOPOLOGY_MISMATCH", 'there is no exchange "events": create it');
    const { publisher, calls } = publisherWith({ start: () => Promise.reject(mismatch) });
    const { relay, repository } = createRelayFixture({ publisher });
    repository.onNext("verify", async () => ["the table outbox_event is missing", "the bucket count is 32"]);
    await expect(relay.start()).rejects.toMatchObject({
      code: "CONFIG.STORE_NOT_READY",
      message: expect.stringMatching(
        /outbox_event is missing; the bucket count is 32; .*there is no exchange "events"/,
      ),
      meta: { problems: ["the table outbox_event is missing", "the bucket count is 32", mismatch.message] },
    });
    expect(relay.state).toBe("stopped");
    expect(calls).toEqual(["start", "stop 0"]);
    expect(repository.statements).toEqual(["verify"]);
  });

  it("does not lose a foreign error of the publisher when tables are missing too", async () => {
    const { publisher } = publisherWith({ start: () => Promise.reject(new Error("bad url amqp://u:secret@h")) });
    const { relay, repository } = createRelayFixture({ publisher });
    repository.onNext("verify", async () => ["the table is missing"]);
    await expect(relay.start()).rejects.toMatchObject({
      code: "CONFIG.STORE_NOT_READY",
      message: expect.stringContaining("the table is missing; bad url amqp://***@h"),
    });
  });

  it("rejects with the publisher's own error when only that is wrong", async () => {
    const mismatch = new OmniBoxError("CONFIG.TOPOLOGY_MISMATCH", "x");
    const { publisher, calls } = publisherWith({ start: () => Promise.reject(mismatch) });
    const { relay } = createRelayFixture({ publisher });
    await expect(relay.start()).rejects.toBe(mismatch);
    expect([relay.state, calls]).toEqual(["stopped", ["start", "stop 0"]]);
  });

  it("rejects with the database's error when it does not answer, and can be tried again", async () => {
    const { relay, repository, settle } = createRelayFixture();
    const unreachable = new OmniBoxError("STORE.UNREACHABLE", "x");
    repository.failNext("verify", unreachable);
    await expect(relay.start()).rejects.toBe(unreachable);
    expect(relay.state).toBe("stopped");
    await relay.start();
    expect(relay.state).toBe("running");
    await settle(relay.stop());
  });

  it("rejects with what was wrong even when the publisher cannot be stopped either", async () => {
    const mismatch = new OmniBoxError("CONFIG.TOPOLOGY_MISMATCH", "x");
    const { publisher } = publisherWith({
      start: () => Promise.reject(mismatch),
      stop: () => Promise.reject(new Error("stop")),
    });
    const { relay } = createRelayFixture({ publisher });
    await expect(relay.start()).rejects.toBe(mismatch);
    expect(relay.state).toBe("stopped");
  });

  it("does not fail over a broker that cannot be reached", async () => {
    const { relay, broker, repository, delivered, settle } = createRelayFixture();
    broker.disconnect();
    await storeEvents(repository, sampleDrafts(1));
    await relay.start();
    expect(relay.state).toBe("running");
    broker.reconnect();
    await settle(relay.drain());
    expect(delivered()).toEqual(["order-1"]);
    await relay.stop();
  });
});

describe("stop", () => {
  it("of a relay that was never started has nothing to do", async () => {
    const { relay } = createRelayFixture();
    expect(await relay.stop()).toEqual({ clean: true, abandoned: 0 });
    expect(relay.state).toBe("stopped");
  });

  it("is idempotent: every later call has the first one's report", async () => {
    const { relay, broker, repository, clock, breathe } = createRelayFixture({ stopTimeoutMs: 1_000 });
    await storeEvents(repository, sampleDrafts(2));
    broker.holdConfirms();
    await relay.start();
    await breathe();
    const [first, second] = [relay.stop(), relay.stop()];
    expect(relay.state).toBe("stopping");
    await clock.advance(1_000);
    const report = await first;
    expect(report).toEqual({ clean: false, abandoned: 2 });
    expect(await second).toEqual(report);
    expect(await relay.stop()).toEqual(report);
  });

  it("wakes a sleeping loop and leaves nothing running", async () => {
    const { relay, repository, clock } = createRelayFixture();
    await relay.start();
    await clock.advance(5_000);
    expect(await relay.stop()).toEqual({ clean: true, abandoned: 0 });
    expect([relay.state, clock.pendingTimers]).toEqual(["stopped", 0]);
    repository.forgetCalls();
    await clock.advance(60_000);
    expect(repository.statements).toEqual([]);
  });

  it("waits for confirms in flight and records their outcomes", async () => {
    const { relay, broker, repository, clock, breathe } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(2));
    broker.holdConfirms();
    await relay.start();
    await breathe();
    const stopping = relay.stop();
    await clock.advance(5_000);
    expect(relay.state).toBe("stopping");
    broker.releaseConfirms();
    expect(await stopping).toEqual({ clean: true, abandoned: 0 });
    expect(repository.all().map(({ status }) => status)).toEqual(["completed", "completed"]);
  });

  it("releases what was claimed but not begun: unsent, uncounted, due for others at once", async () => {
    const held = gate();
    const { relay, repository, delivered, breathe } = createRelayFixture({
      steps: [
        async ({ aggregateId }, _context, next) => {
          if (aggregateId !== "order-1") await held.opened;
          return next();
        },
      ],
    });
    await storeEvents(repository, sampleDrafts(3));
    await relay.start();
    await breathe();
    const stopping = relay.stop();
    held.open();
    expect(await stopping).toEqual({ clean: true, abandoned: 0 });
    expect(delivered()).toEqual(["order-1"]);
    expect(repository.all().slice(1)).toMatchObject(
      ["order-2", "order-3"].map((aggregateId) => ({ aggregateId, status: "pending", attemptsMade: 0, lease: null })),
    );
    expect(await repository.findDue({ limit: 10 })).toHaveLength(2);
    expect(relay.metrics().released).toBe(2);
  });

  it("does not let waiting messages leave any more once the broker takes some again", async () => {
    const { relay, broker, repository, delivered, breathe } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(2));
    broker.block();
    await relay.start();
    await breathe();
    const stopping = relay.stop();
    broker.unblock();
    expect(await stopping).toEqual({ clean: true, abandoned: 0 });
    expect(delivered()).toEqual([]);
    expect(await repository.findDue({ limit: 10 })).toHaveLength(2);
  });

  it("leaves what is still in work at the time-out to its lease, and says how many", async () => {
    const { relay, broker, repository, clock, breathe } = createRelayFixture({ stopTimeoutMs: 2_000 });
    await storeEvents(repository, sampleDrafts(3));
    broker.holdConfirms();
    await relay.start();
    await breathe();
    const stopping = relay.stop();
    await clock.advance(1_999);
    expect(relay.state).toBe("stopping");
    await clock.advance(1);
    expect(await stopping).toEqual({ clean: false, abandoned: 3 });
    expect(repository.all().map(({ status, lease }) => [status, lease !== null])).toEqual(
      new Array(3).fill(["pending", true]),
    );
  });

  it("records what is confirmed and abandons only the rest", async () => {
    const { relay, broker, repository, clock, breathe } = createRelayFixture({ stopTimeoutMs: 2_000 });
    await storeEvents(repository, sampleDrafts(3));
    broker.dropConfirms(1);
    await relay.start();
    await breathe();
    const stopping = relay.stop();
    await clock.advance(2_000);
    expect(await stopping).toEqual({ clean: false, abandoned: 1 });
    expect(repository.all().map(({ status }) => status)).toEqual(["pending", "completed", "completed"]);
  });

  it("counts outcomes that the database did not take as abandoned", async () => {
    const { relay, repository, clock, breathe } = createRelayFixture({ stopTimeoutMs: 2_000 });
    await storeEvents(repository, sampleDrafts(2));
    repository.failNext("recordCompleted", new OmniBoxError("STORE.UNREACHABLE", "x"), 1_000);
    await relay.start();
    await breathe();
    const stopping = relay.stop();
    await clock.advance(2_000);
    expect(await stopping).toEqual({ clean: false, abandoned: 2 });
  });

  it("does not wait longer for a claim that is not answered, and gives the rows back when it is", async () => {
    const answer = gate();
    const { relay, repository, delivered, clock, breathe } = createRelayFixture({ stopTimeoutMs: 2_000 });
    await storeEvents(repository, sampleDrafts(2));
    repository.onNext("claim", async (carryOut) => {
      await answer.opened;
      return carryOut();
    });
    await relay.start();
    const stopping = relay.stop();
    await clock.advance(2_000);
    expect(await stopping).toEqual({ clean: true, abandoned: 0 });
    answer.open();
    await breathe();
    expect(delivered()).toEqual([]);
    expect(await repository.findDue({ limit: 10 })).toHaveLength(2);
  });

  it("stops the publisher last, with the time that is left", async () => {
    const confirm = gate();
    const calls: string[] = [];
    const base = createMemoryBroker().publisher();
    const publisher: EventPublisher = {
      ...base,
      publish: () => confirm.opened,
      stop: async ({ timeoutMs }) => void calls.push(`stop ${timeoutMs}`),
    };
    const { relay, repository, clock, breathe } = createRelayFixture({ publisher, stopTimeoutMs: 5_000 });
    await storeEvents(repository, sampleDrafts(1));
    repository.onNext("recordCompleted", (carryOut) => {
      calls.push("recordCompleted");
      return carryOut();
    });
    await relay.start();
    await breathe();
    const stopping = relay.stop();
    await clock.advance(1_500);
    confirm.open();
    await stopping;
    expect(calls).toEqual(["recordCompleted", "stop 3500"]);
  });

  it("has stopped even when the publisher fails to", async () => {
    const broken = new Error("the connection does not close");
    const { publisher } = publisherWith({ stop: () => Promise.reject(broken) });
    const { relay } = createRelayFixture({ publisher });
    await relay.start();
    await expect(relay.stop()).rejects.toBe(broken);
    expect(relay.state).toBe("stopped");
    await relay.start();
    expect(relay.state).toBe("running");
    await expect(relay.stop()).rejects.toBe(broken);
  });

  it("waits for a start that is under way, and leaves nothing of it", async () => {
    const checked = gate<readonly string[]>();
    const { relay, repository, clock } = createRelayFixture();
    repository.onNext("verify", () => checked.opened);
    const starting = relay.start();
    const stopping = relay.stop();
    checked.open([]);
    await starting;
    expect(await stopping).toEqual({ clean: true, abandoned: 0 });
    expect([relay.state, clock.pendingTimers]).toEqual(["stopped", 0]);
  });

  it("is not disturbed by a start that fails", async () => {
    const { relay, repository } = createRelayFixture();
    repository.failNext("verify", new OmniBoxError("STORE.UNREACHABLE", "x"));
    const starting = relay.start();
    const stopping = relay.stop();
    await expect(starting).rejects.toMatchObject({ code: "STORE.UNREACHABLE" });
    expect(await stopping).toEqual({ clean: true, abandoned: 0 });
    expect(relay.state).toBe("stopped");
  });
});

describe("a relay that has stopped", () => {
  it("can be started again, and relays what came in between", async () => {
    const { relay, repository, delivered, settle } = createRelayFixture();
    for (let round = 1; round <= 3; round += 1) {
      await storeEvents(repository, [sampleDraft({ aggregateId: `order-${round}` })]);
      await relay.start();
      await settle(relay.drain());
      expect(await relay.stop()).toEqual({ clean: true, abandoned: 0 });
    }
    expect(delivered()).toEqual(["order-1", "order-2", "order-3"]);
    expect(relay.metrics().published).toBe(3);
  });

  it("starts again only when it has stopped completely, when it is told to while stopping", async () => {
    const { relay, broker, repository, clock, breathe, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(1));
    broker.holdConfirms();
    await relay.start();
    await breathe();
    const stopping = relay.stop();
    const starting = relay.start();
    await clock.advance(100);
    expect(relay.state).toBe("stopping");
    broker.releaseConfirms();
    expect(await stopping).toEqual({ clean: true, abandoned: 0 });
    await starting;
    expect(relay.state).toBe("running");
    await settle(relay.stop());
  });

  it("is what the last call asked for, however the calls overlap", async () => {
    const { relay, clock } = createRelayFixture();
    await relay.start();
    await Promise.all([relay.stop(), relay.start(), relay.stop()]);
    await clock.advance(0);
    expect([relay.state, clock.pendingTimers]).toEqual(["stopped", 0]);
    await Promise.all([relay.start(), relay.stop(), relay.start()]);
    expect(relay.state).toBe("running");
    await Promise.all([relay.start(), relay.stop(), relay.start(), relay.stop(), relay.stop()]);
    await clock.advance(0);
    expect([relay.state, clock.pendingTimers]).toEqual(["stopped", 0]);
  });
});

describe("await using", () => {
  it("stops the relay at the end of the block, also when the block fails", async () => {
    const { relay, clock } = createRelayFixture();
    const work = async () => {
      await using running = relay;
      await running.start();
      expect(running.state).toBe("running");
      throw new Error("the block failed");
    };
    await expect(work()).rejects.toThrow("the block failed");
    expect([relay.state, clock.pendingTimers]).toEqual(["stopped", 0]);
  });
});

describe("several relays over one table", () => {
  it("publish every event once between them", async () => {
    const fixture = createRelayFixture({ batchSize: 3 });
    const { clock, repository, broker, logger, delivered, settle } = fixture;
    const publisher = broker.publisher();
    const other = createOutboxRelay({ repository, publisher, clock, logger, batchSize: 3 });
    await storeEvents(repository, sampleDrafts(100));
    await Promise.all([fixture.relay.start(), other.start()]);
    await settle(Promise.all([fixture.relay.drain(), other.drain()]));
    expect([...delivered()].sort()).toEqual(
      sampleDrafts(100)
        .map(({ aggregateId }) => aggregateId)
        .sort(),
    );
    expect(fixture.relay.metrics().published).toBeGreaterThan(0);
    expect(other.metrics().published).toBeGreaterThan(0);
    await Promise.all([fixture.relay.stop(), other.stop()]);
  });

  it("have names of their own when they are given none", async () => {
    const names = new Set<unknown>();
    for (let index = 0; index < 3; index += 1) {
      const { relay, repository, breathe, settle } = createRelayFixture();
      await relay.start();
      await breathe();
      const claim = repository.calls.find(({ method }) => method === "claim");
      names.add((claim?.args as [{ readonly workerId: string }] | undefined)?.[0].workerId);
      await settle(relay.stop());
    }
    expect(names.size).toBe(3);
    for (const name of names) expect(name).toMatch(new RegExp(`:${process.pid}:[0-9a-f]{8}$`));
  });
});
