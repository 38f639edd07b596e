import { describe, expect, it, vi } from "vitest";
import { createInboxFixture } from "../../test/inbox-fixture.js";
import { createInboxProcessorFixture, inboxRow } from "../../test/inbox-processor-fixture.js";
import { publisherWith } from "../../test/publisher-with.js";
import { createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDraft, sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { PermanentError } from "../errors/permanent-error.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { fixedRetry } from "../resilience/fixed-retry.js";
import type { FailureNotice } from "./failure-notices.js";

const retry = fixedRetry({ delayMs: 10 });

function refusingRelay(options: Parameters<typeof createRelayFixture>[0]) {
  const nack = () => Promise.reject(new OmniBoxError("BROKER.NACKED", "no"));
  const { publisher } = publisherWith({ publish: nack });
  return createRelayFixture({ publisher, retry, ...options });
}

describe("a relay's onFailed", () => {
  it("is called once for each event that has failed for good, when that is in the store", async () => {
    const notices: [string | undefined, FailureNotice<OutboxEvent>][] = [];
    const { relay, repository, until, settle } = refusingRelay({
      onFailed: (notice) => void notices.push([repository.all().find(({ id }) => id === notice.id)?.status, notice]),
    });
    const events = await storeEvents(repository, sampleDrafts(3, { maxAttempts: 2 }));
    await relay.start();
    await until(() => notices.length === 3);
    await settle(relay.drain());
    const failure = { code: "BROKER.NACKED", message: "BROKER.NACKED: no" };
    expect(notices).toEqual(
      events.map(({ id }) => ["failed", { id, event: expect.objectContaining({ id, attemptsMade: 1 }), failure }]),
    );
    await settle(relay.stop());
  });

  it("is not called for what could not be recorded", async () => {
    const onFailed = vi.fn();
    const { relay, repository, clock, settle } = refusingRelay({ onFailed });
    await storeEvents(repository, sampleDrafts(1, { maxAttempts: 1 }));
    let isLost = false;
    repository.onNext("recordFailed", async (_carryOut, [, rows]) => {
      isLost = true;
      return { missing: rows as never };
    });
    await relay.start();
    await clock.advance(100);
    expect([isLost, onFailed.mock.calls.length]).toEqual([true, 0]);
    await settle(relay.stop());
  });

  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new TypeError("bug");
      },
    ],
    ["rejects", () => Promise.reject(new TypeError("bug"))],
  ])("does not disturb the relay when it %s, which is logged once", async (_how, onFailed) => {
    const { relay, repository, until, logger, settle } = refusingRelay({ onFailed, batchSize: 1 });
    await storeEvents(repository, sampleDrafts(3, { maxAttempts: 1 }));
    await relay.start();
    await until(() => relay.metrics().failed === 3);
    await settle(relay.stop());
    expect(logger.alarms.filter((line) => line.includes("onFailed"))).toEqual(["onFailed throws; it is called on"]);
  });

  it("is not waited for, neither by the work nor by the stop", async () => {
    const { relay, repository, until, settle } = refusingRelay({ onFailed: () => new Promise(() => undefined) });
    await storeEvents(repository, sampleDrafts(3, { maxAttempts: 1 }));
    await relay.start();
    await until(() => relay.metrics().failed === 3);
    expect(await settle(relay.stop())).toEqual({ clean: true, abandoned: 0 });
  });
});

describe("onAttempts", () => {
  it("is called once for each event that has failed so often, whether or not that was its last attempt", async () => {
    const seen: string[] = [];
    const { relay, repository, until, settle } = refusingRelay({
      onAttempts: { at: 2, call: ({ event }) => void seen.push(`${event?.aggregateId} ${event?.attemptsMade}`) },
    });
    await storeEvents(repository, [
      sampleDraft({ aggregateId: "dies of it", maxAttempts: 2 }),
      sampleDraft({ aggregateId: "goes on", maxAttempts: 4 }),
      sampleDraft({ aggregateId: "dies before", maxAttempts: 1 }),
    ]);
    await relay.start();
    await until(() => relay.metrics().failed === 3);
    expect(seen.sort()).toEqual(["dies of it 1", "goes on 1"]);
    await settle(relay.stop());
  });

  it("is called once also for an event that is tried on because it is young", async () => {
    const seen: unknown[] = [];
    const { relay, repository, until, clock, settle } = refusingRelay({
      retry: fixedRetry({ delayMs: 100, minAgeMs: 5_000 }),
      onAttempts: { at: 2, call: (notice) => void seen.push(notice) },
    });
    const [event] = await storeEvents(repository, sampleDrafts(1, { maxAttempts: 2 }));
    await relay.start();
    await clock.advance(4_900);
    expect(repository.all()).toMatchObject([{ status: "pending", attemptsMade: 2 }]);
    expect(relay.metrics().retried).toBeGreaterThan(30);
    await until(() => relay.metrics().failed === 1);
    const age = clock.now() - (event?.createdAt.getTime() ?? 0);
    expect([age >= 5_000, age <= 5_200, seen.length]).toEqual([true, true, 1]);
    await settle(relay.stop());
  });

  it("is refused when it can never come true", async () => {
    expect(() => refusingRelay({ onFailed: 1 as never, onAttempts: { at: 0, call: () => undefined } })).toThrow(
      /createOutboxRelay: 2 problems: onFailed: expected a function \(notice\); onAttempts\.at: /,
    );
  });
});

describe("the callbacks of an inbox", () => {
  it("are called by its processor", async () => {
    const seen: string[] = [];
    const { process, store, until, settle } = createInboxProcessorFixture();
    const { processor } = process(() => Promise.reject(new Error("no")), {
      retry,
      onFailed: ({ event, failure }) => void seen.push(`failed ${event?.messageId} ${failure.code}`),
      onAttempts: { at: 1, call: ({ event }) => void seen.push(`once ${event?.messageId}`) },
    });
    await store(inboxRow("m", { maxAttempts: 2 }));
    await processor.start();
    await until(() => seen.length === 2);
    expect(seen).toEqual(["once m", "failed m Error"]);
    await settle(processor.stop());
  });

  it("are called by its consumer for what fails on arrival, and by the processor for what fails later", async () => {
    const seen: string[] = [];
    const { consumer, send, until, settle, rows } = createInboxFixture(
      {
        retry,
        maxAttempts: 2,
        onFailed: ({ event, failure }) =>
          void seen.push(`failed ${event?.messageId} ${failure.code} ${rows().map(({ status }) => status)}`),
        onAttempts: { at: 1, call: ({ event }) => void seen.push(`once ${event?.messageId}`) },
      },
      ({ messageId }) => {
        throw messageId === "permanent" ? new PermanentError("no") : new Error("no");
      },
    );
    await consumer.start();
    send("permanent");
    await until(() => seen.length === 2);
    send("undecodable", { body: Buffer.from("{") });
    await until(() => seen.length === 4);
    send("again");
    await until(() => seen.length === 6);
    expect(seen).toEqual([
      "once permanent",
      "failed permanent INBOX.HANDLER_FAILED failed",
      expect.stringMatching(/^once undecodable/),
      expect.stringMatching(/^failed undecodable.* MESSAGE\.UNDECODABLE failed,failed$/),
      "once again",
      "failed again Error failed,failed,failed",
    ]);
    await settle(consumer.stop());
  });
});
