import { describe, expect, it } from "vitest";
import { createDeadLetterFixture } from "../../test/dead-letter-fixture.js";
import { failAgain, storeFailedEvents } from "../../test/failed-events.js";
import { publisherWith } from "../../test/publisher-with.js";
import { sampleDraft, sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { deadLetterHeaders } from "../wire/dead-letter-headers.js";
import { createDeadLetterPublisher } from "./create-dead-letter-publisher.js";

const unreachable = new OmniBoxError("STORE.UNREACHABLE", "no connection");
const refusing = /^the broker takes no dead letters, trying on: /;
const idsOf = (events: readonly { readonly id: string }[]) => events.map(({ id }) => id);

describe("a dead-letter publisher", () => {
  it("publishes each failed event once, and leaves it failed with that in its history", async () => {
    const { repository, administration, letters, delivered, settle } = createDeadLetterFixture({ batchSize: 2 });
    const events = await storeFailedEvents(repository, sampleDrafts(5));
    await storeEvents(repository, [sampleDraft({ aggregateId: "waiting" })]);
    await letters.start();
    await settle(letters.drain());
    expect(delivered()).toEqual(idsOf(events));
    expect(letters.metrics()).toMatchObject({ taken: 5, published: 5, failed: 0, deferred: 0, unrecorded: 0 });
    const { event, deadLetteredAt, history } = (await administration.find(events[0]?.id ?? "")) ?? {};
    expect(event?.status).toBe("failed");
    expect(deadLetteredAt).toBeInstanceOf(Date);
    expect(history?.at(-1)?.what).toBe("deadLettered");
    expect(await settle(letters.stop())).toEqual({ clean: true, abandoned: 0 });
  });

  it("tells a recorder what it counts, and is not disturbed by one that throws", async () => {
    const told: [string, number][] = [];
    const metrics = {
      add(counter: string, letters: number) {
        told.push([counter, letters]);
        throw new Error("a broken recorder");
      },
      record: () => undefined,
    };
    const { repository, letters, logger, settle } = createDeadLetterFixture({ metrics });
    await storeFailedEvents(repository, sampleDrafts(3));
    await letters.start();
    await settle(letters.drain());
    await settle(letters.stop());
    expect(letters.metrics()).toMatchObject({ taken: 3, published: 3 });
    expect(told).toEqual(
      expect.arrayContaining([
        ["taken", 3],
        ["published", 3],
      ]),
    );
    expect(logger.alarms).toEqual([expect.stringContaining("the metrics recorder throws")]);
  });

  it("finds what fails later by itself, and at once when it is nudged", async () => {
    const { clock, repository, letters, delivered, settle } = createDeadLetterFixture();
    await letters.start();
    await clock.advance(60_000);
    await storeFailedEvents(repository, sampleDrafts(1));
    await clock.advance(defaults.deadLetterPollMaxMs);
    expect(delivered()).toHaveLength(1);
    await clock.advance(60_000);
    await storeFailedEvents(repository, sampleDrafts(1));
    letters.nudge();
    await clock.advance(0);
    expect(delivered()).toHaveLength(2);
    await settle(letters.stop());
  });

  it("publishes an event that was requeued and failed again once more, as another message", async () => {
    const { clock, repository, administration, letters, messages, settle } = createDeadLetterFixture();
    const [event] = await storeFailedEvents(repository, sampleDrafts(1));
    if (event === undefined) throw new Error("an event was expected");
    await letters.start();
    await settle(letters.drain());
    await clock.advance(1_000);
    await administration.requeue({ filter: { ids: [event.id] }, limit: 1 });
    await settle(letters.drain());
    expect(messages()).toHaveLength(1);
    await failAgain(repository, event, "BROKER.NACKED: the second time");
    await settle(letters.drain());
    expect(messages().map(({ headers }) => headers[deadLetterHeaders.code])).toEqual([
      "BROKER.UNROUTABLE",
      "BROKER.NACKED",
    ]);
    expect(new Set(idsOf(messages())).size).toBe(2);
    await settle(letters.stop());
  });

  it("does not take a failure for published that came while it published the one before", async () => {
    const { repository, administration, broker, letters, messages, settle, clock } = createDeadLetterFixture();
    const [event] = await storeFailedEvents(repository, sampleDrafts(1));
    if (event === undefined) throw new Error("an event was expected");
    broker.holdConfirms();
    await letters.start();
    await clock.advance(100);
    await administration.requeue({ filter: { ids: [event.id] }, limit: 1 });
    await failAgain(repository, event, "BROKER.NACKED: the second time");
    broker.releaseConfirms();
    await settle(letters.drain());
    expect(messages()).toHaveLength(2);
    await settle(letters.stop());
  });

  it("looks after the events of its filters only", async () => {
    const { repository, letters, messages, settle } = createDeadLetterFixture({ filters: { types: ["order.paid"] } });
    await storeFailedEvents(repository, [sampleDraft(), sampleDraft({ type: "order.paid" })]);
    await letters.start();
    await settle(letters.drain());
    expect(messages().map(({ type }) => type)).toEqual(["order.paid"]);
    await settle(letters.stop());
  });

  it("starts and stops as often as asked, and publishes nothing in between", async () => {
    const { clock, repository, letters, delivered, settle } = createDeadLetterFixture();
    await letters.drain();
    await letters.start();
    await letters.start();
    expect(letters.health()).toEqual({ status: "healthy", state: "running", reasons: [] });
    await settle(letters.stop());
    await letters.stop();
    await storeFailedEvents(repository, sampleDrafts(1));
    await clock.advance(60_000);
    expect(delivered()).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
    expect(letters.health()).toMatchObject({
      status: "unhealthy",
      reasons: expect.arrayContaining(["the dead-letter publisher is stopped"]),
    });
    await letters.start();
    await settle(letters.drain());
    expect(delivered()).toHaveLength(1);
    await settle(Promise.resolve(letters[Symbol.asyncDispose]()));
  });

  it("does not start when the broker lacks what is needed, and closes the publisher again", async () => {
    const lacking = new OmniBoxError("CONFIG.TOPOLOGY_MISMATCH", "no exchange");
    const { publisher, calls } = publisherWith({ start: () => Promise.reject(lacking) });
    const { letters } = createDeadLetterFixture({ publisher });
    await expect(letters.start()).rejects.toBe(lacking);
    expect(calls).toEqual(["start", "stop 0"]);
    expect(letters.state).toBe("stopped");
  });
});

describe("a letter that is refused", () => {
  it("backs off alone, is counted and in the event's history, and is published in the end", async () => {
    const { clock, repository, administration, broker, letters, logger, delivered, settle } = createDeadLetterFixture({
      retry: { delayMs: (attempt) => attempt * 60_000 },
    });
    const [bad] = await storeFailedEvents(repository, [sampleDraft({ topic: "nobody.listens" })]);
    const others = await storeFailedEvents(repository, sampleDrafts(3));
    await letters.start();
    await settle(letters.drain());
    expect(delivered()).toEqual(idsOf(others));
    await clock.advance(60_000 + defaults.deadLetterPollMaxMs);
    expect(letters.metrics()).toMatchObject({ published: 3, failed: 2 });
    // Nothing is wrong with the others, so there is one line about this one, and no outage.
    expect(logger.alarms).toEqual([expect.stringMatching(/^dead letters were refused .* BROKER\.UNROUTABLE/)]);
    expect(letters.health().status).toBe("healthy");
    expect((await administration.find(bad?.id ?? ""))?.history.at(-1)).toMatchObject({
      what: "deadLetterFailed",
      note: expect.stringMatching(/^BROKER\.UNROUTABLE/),
    });
    broker.bind("late", "nobody.#");
    await clock.advance(3_600_000);
    expect(broker.messages("late").map(({ headers }) => headers[deadLetterHeaders.eventId])).toEqual([bad?.id]);
    await settle(letters.stop());
  });

  it("is tried for ever: its attempts are never used up", async () => {
    const { clock, repository, letters, settle } = createDeadLetterFixture({ retry: { delayMs: () => 1_000 } });
    await storeFailedEvents(repository, [sampleDraft({ topic: "nobody.listens", maxAttempts: 3 })]);
    await letters.start();
    await clock.advance(600_000);
    expect(letters.metrics().failed).toBeGreaterThan(50);
    expect(repository.all()).toMatchObject([{ status: "failed" }]);
    await settle(letters.stop());
  });

  it("one after the other makes it try one at a time, with growing pauses, until one is taken; said once", async () => {
    const fixture = createDeadLetterFixture({ retry: { delayMs: () => 0 } });
    const { clock, repository, broker, administration, letters, logger, settle } = fixture;
    await storeFailedEvents(repository, sampleDrafts(300, { topic: "nobody.listens" }));
    await letters.start();
    await clock.advance(600_000);
    const { failed } = letters.metrics();
    // The first batch, and then no more than a probe every second: a tenth of the longest pause.
    expect(failed).toBeGreaterThan(100 + 30);
    expect(failed).toBeLessThan(100 + 650);
    expect(administration.argsOf("takeDeadLetters").at(-1)).toEqual([expect.objectContaining({ limit: 1 })]);
    expect(letters.health()).toMatchObject({
      status: "degraded",
      reasons: [expect.stringMatching(/^the broker takes no dead letters: BROKER\.UNROUTABLE/)],
    });
    broker.bind("late", "nobody.#");
    await settle(letters.drain());
    expect(new Set(idsOf(broker.messages("late"))).size).toBe(300);
    expect(broker.messages("late")).toHaveLength(300);
    expect(logger.alarms).toEqual([
      expect.stringMatching(refusing),
      expect.stringMatching(/^dead letters were refused/),
      "the broker takes dead letters again",
    ]);
    expect(letters.health().status).toBe("healthy");
    await settle(letters.stop());
  });

  it("over what a foreign sender gave it is sent bare, with the same body", async () => {
    const sent: { readonly type: string; readonly headers: object; readonly body: Uint8Array }[] = [];
    const { publisher } = publisherWith({
      async publish(message) {
        if ("strange" in message.headers) throw new OmniBoxError("BROKER.MESSAGE_REFUSED", "a header");
        sent.push(message);
      },
    });
    const { repository, letters, settle } = createDeadLetterFixture({ publisher });
    await storeFailedEvents(repository, [sampleDraft({ headers: { strange: "x" } })]);
    await letters.start();
    await settle(letters.drain());
    expect(sent).toHaveLength(1);
    expect(sent[0]?.headers).toMatchObject({ [deadLetterHeaders.code]: "BROKER.UNROUTABLE" });
    expect(Buffer.from(sent[0]?.body ?? []).toString()).toBe('{"total":1}');
    expect(letters.metrics()).toMatchObject({ published: 1, failed: 0 });
    await settle(letters.stop());
  });

  it("by a bug in toMessage is put off like any other", async () => {
    const { repository, letters, settle } = createDeadLetterFixture({
      toMessage: () => {
        throw new TypeError("a bug");
      },
      retry: { delayMs: () => 60_000 },
    });
    await storeFailedEvents(repository, sampleDrafts(1));
    await letters.start();
    await settle(letters.drain());
    expect(letters.metrics()).toMatchObject({ published: 0, failed: 1 });
    await settle(letters.stop());
  });
});

describe("while the broker cannot be reached", () => {
  it("nothing is counted or written, tries are few, it is said once, and nothing is lost", async () => {
    const { clock, repository, administration, broker, letters, logger, delivered, settle } = createDeadLetterFixture();
    const events = await storeFailedEvents(repository, sampleDrafts(50));
    broker.disconnect();
    await letters.start();
    await clock.advance(600_000);
    expect(administration.argsOf("recordDeadLetterFailed")).toEqual([]);
    expect(administration.argsOf("takeDeadLetters").length).toBeLessThan(300);
    expect(letters.metrics().failed).toBe(0);
    expect(letters.health().status).not.toBe("healthy");
    expect(logger.alarms).toEqual([expect.stringMatching(refusing)]);
    broker.reconnect();
    await clock.advance(defaults.leaseMs + defaults.outageMaxMs);
    await settle(letters.drain());
    expect(new Set(delivered())).toEqual(new Set(idsOf(events)));
    expect(logger.alarms).toHaveLength(2);
    await settle(letters.stop());
  });

  it("a letter that is refused as the first one afterwards is answer enough", async () => {
    const { clock, repository, broker, letters, logger, settle } = createDeadLetterFixture({
      retry: { delayMs: () => 60_000 },
    });
    await storeFailedEvents(repository, [sampleDraft({ topic: "nobody.listens" })]);
    broker.disconnect();
    await letters.start();
    await clock.advance(1_000);
    broker.reconnect();
    await clock.advance(defaults.deadLetterPollMaxMs);
    expect(letters.metrics().failed).toBe(1);
    expect(letters.health().status).toBe("healthy");
    expect(logger.alarms[1]).toBe("the broker takes dead letters again");
    await settle(letters.stop());
  });

  it("letters wait in hand as long as their lease allows, and are published as soon as it is back", async () => {
    const { clock, repository, administration, broker, letters, delivered, settle } = createDeadLetterFixture();
    await storeFailedEvents(repository, sampleDrafts(3));
    broker.disconnect();
    await letters.start();
    await clock.advance(5_000);
    broker.reconnect();
    await clock.advance(defaults.deadLetterPollMaxMs);
    expect(delivered()).toHaveLength(3);
    expect(administration.argsOf("takeDeadLetters").slice(0, 1)).toHaveLength(1);
    expect(letters.metrics().taken).toBe(3);
    await settle(letters.stop());
  });

  it("a letter whose confirm was lost is published again", async () => {
    const { clock, repository, broker, letters, messages, settle } = createDeadLetterFixture();
    await storeFailedEvents(repository, sampleDrafts(1));
    broker.holdConfirms();
    await letters.start();
    await clock.advance(100);
    broker.disconnect();
    broker.releaseConfirms();
    broker.reconnect();
    await clock.advance(defaults.outageMaxMs + defaults.leaseMs);
    expect(messages()).toHaveLength(2);
    // The same id, by which a consumer knows it again.
    expect(new Set(idsOf(messages())).size).toBe(1);
    await settle(letters.stop());
  });
});

describe("while the database cannot be reached", () => {
  it("it is asked again with growing pauses, and that is said once", async () => {
    const { clock, repository, administration, letters, logger, delivered, settle } = createDeadLetterFixture();
    await storeFailedEvents(repository, sampleDrafts(1));
    administration.failNext("takeDeadLetters", unreachable, 20);
    await letters.start();
    await clock.advance(300_000);
    expect(letters.metrics().pollErrors).toBe(20);
    expect(delivered()).toHaveLength(1);
    expect(logger.alarms).toEqual([
      "the database does not answer, trying on: STORE.UNREACHABLE: no connection",
      "the database answers again",
    ]);
    await settle(letters.stop());
  });

  it("what is published is not published again: its record is repeated until it is known", async () => {
    const { repository, administration, letters, delivered, settle } = createDeadLetterFixture();
    await storeFailedEvents(repository, sampleDrafts(3));
    administration.failNext("recordDeadLettered", unreachable, 10);
    await letters.start();
    await settle(letters.drain());
    expect(delivered()).toHaveLength(3);
    expect(letters.metrics()).toMatchObject({ published: 3, unrecorded: 0 });
    await settle(letters.stop());
  });
});

describe("stop()", () => {
  it("waits for confirms and records them", async () => {
    const { clock, repository, administration, broker, letters, settle } = createDeadLetterFixture();
    await storeFailedEvents(repository, sampleDrafts(2));
    broker.holdConfirms();
    await letters.start();
    await clock.advance(100);
    const stopped = letters.stop();
    await clock.advance(1_000);
    broker.releaseConfirms();
    expect(await settle(stopped)).toEqual({ clean: true, abandoned: 0 });
    expect((await administration.statistics()).awaitingDeadLetter).toBe(0);
  });

  it("gives up after its time-out, says what it left, and another one publishes that", async () => {
    const { clock, repository, broker, letters, create, delivered, settle } = createDeadLetterFixture({
      stopTimeoutMs: 1_000,
    });
    await storeFailedEvents(repository, sampleDrafts(2));
    broker.holdConfirms();
    await letters.start();
    await clock.advance(100);
    expect(await settle(letters.stop())).toEqual({ clean: false, abandoned: 2 });
    expect(clock.pendingTimers).toBe(0);
    broker.releaseConfirms();
    const other = create();
    await other.start();
    await clock.advance(defaults.leaseMs + defaults.deadLetterPollMaxMs);
    expect(delivered()).toHaveLength(4);
    await settle(other.stop());
  });

  it("does not wait for ever for a publisher that never answers, nor does the loop", async () => {
    const { publisher } = publisherWith({ publish: () => new Promise(() => undefined) });
    const { clock, repository, letters, logger, settle } = createDeadLetterFixture({ publisher });
    await storeFailedEvents(repository, sampleDrafts(1));
    await letters.start();
    await clock.advance(defaults.leaseMs + 1_000);
    expect(letters.metrics().abandoned).toBe(1);
    expect(logger.alarms).toEqual([expect.stringMatching(/^the publisher does not answer/)]);
    await settle(letters.stop());
  });
});

describe("two dead-letter publishers", () => {
  it("share the letters", async () => {
    const { repository, letters, create, delivered, settle } = createDeadLetterFixture({ batchSize: 3 });
    await storeFailedEvents(repository, sampleDrafts(30));
    const other = create();
    await Promise.all([letters.start(), other.start()]);
    await settle(Promise.all([letters.drain(), other.drain()]));
    expect(delivered()).toHaveLength(30);
    expect(letters.metrics().published).toBeGreaterThan(0);
    expect(other.metrics().published).toBeGreaterThan(0);
    await settle(Promise.all([letters.stop(), other.stop()]));
  });
});

describe("createDeadLetterPublisher", () => {
  it("lists all wrong options at once", () => {
    const create = () =>
      createDeadLetterPublisher({
        administration: {} as never,
        publisher: publisherWith({}).publisher,
        batchSize: 0,
        publishTimeoutMs: 20_000,
        pollMinMs: 10_000,
        stallAfterMs: 5_000,
      });
    for (const problem of [
      "administration: expected an event administration",
      "batchSize",
      "publishTimeoutMs (20000) must be at most half of leaseMs (30000)",
      "pollMinMs (10000) must not be more than pollMaxMs (5000)",
      "stallAfterMs (5000) must be more than leaseMs (30000)",
    ])
      expect(create).toThrow(problem);
  });
});
