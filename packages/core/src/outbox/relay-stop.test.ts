import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { publisherWith } from "../../test/publisher-with.js";
import { createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { OmniBoxError } from "../errors/omni-box-error.js";

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
    const held = createGate();
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
    const answer = createGate();
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
    const confirm = createGate();
    const { publisher, calls } = publisherWith({ publish: () => confirm.opened });
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
    expect(calls).toEqual(["start", "recordCompleted", "stop 3500"]);
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
    const checked = createGate<readonly string[]>();
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
