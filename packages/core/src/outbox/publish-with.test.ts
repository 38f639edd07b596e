import { describe, expect, it } from "vitest";
import { sampleDraft, storeEvents } from "../../test/sample-events.js";
import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { composePipeline } from "../pipeline/compose-pipeline.js";
import type { StepContext } from "../pipeline/step.js";
import { systemClock } from "../protocols/clock.js";
import type { EventPublisher, OutgoingMessage, PublishOptions } from "../protocols/event-publisher.js";
import { silentLogger } from "../protocols/logger.js";
import { createMemoryBroker } from "../testing/memory-broker.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { envelopeConverter } from "../wire/envelope-converter.js";
import { publishWith } from "./publish-with.js";

const [event] = (await storeEvents(createMemoryOutboxRepository(), [sampleDraft()])) as [OutboxEvent];

/** A publisher that only writes down what it is asked to do, and then does as told. */
function publisherThat(publish: EventPublisher["publish"] = async () => undefined) {
  const asked: { readonly message: OutgoingMessage; readonly options: PublishOptions }[] = [];
  const publisher: EventPublisher = {
    ...createMemoryBroker().publisher(),
    publish: (message, options) => {
      asked.push({ message, options });
      return publish(message, options);
    },
  };
  return { publisher, asked };
}

function contextWith(changes: Partial<StepContext> = {}): StepContext {
  const signal = new AbortController().signal;
  return {
    workerId: "w",
    clock: systemClock,
    logger: silentLogger,
    signal,
    fence: { kind: "lease", token: "t" },
    leaseRemainingMs: () => 60_000,
    isGivenUp: () => false,
    leaseLost: () => signal,
    ...changes,
  };
}

describe("publishWith", () => {
  it("completes an event when the broker has confirmed it, and not before", async () => {
    let confirm: () => void = () => undefined;
    const { publisher } = publisherThat(() => new Promise<void>((resolve) => (confirm = resolve)));
    let isOver = false;
    const publishing = publishWith(publisher)
      .handle(event, contextWith())
      .finally(() => {
        isOver = true;
      });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    confirm();
    expect(await publishing).toEqual({ kind: "completed", reason: null });
  });

  it("publishes in the given format and with the given time-out", async () => {
    const { publisher, asked } = publisherThat();
    await publishWith(publisher).handle(event, contextWith());
    await publishWith(publisher, { timeoutMs: 500, converter: envelopeConverter() }).handle(event, contextWith());
    expect(asked.map(({ message, options }) => [message.headers["omni-format"], options.timeoutMs])).toEqual([
      ["raw", defaults.publishTimeoutMs],
      ["envelope", 500],
    ]);
  });

  it("tells the publisher how long others wait before they take over", async () => {
    const { publisher, asked } = publisherThat();
    await publishWith(publisher).handle(event, contextWith());
    await publishWith(publisher, { takeoverGraceMs: 5_000 }).handle(event, contextWith());
    expect(asked.map(({ options }) => options.takeoverGraceMs)).toEqual([0, 5_000]);
  });

  it("needs its time-out of an event's lease", () => {
    expect(publishWith(publisherThat().publisher, { timeoutMs: 500 }).requiredLeaseMs).toBe(500);
  });

  it("releases an event unsent when less of the lease is left than publishing may take", async () => {
    const { publisher, asked } = publisherThat();
    const handler = publishWith(publisher, { timeoutMs: 500 });
    expect(await handler.handle(event, contextWith({ leaseRemainingMs: () => 499 }))).toMatchObject({
      kind: "release",
    });
    expect(asked).toEqual([]);
    expect(await handler.handle(event, contextWith({ leaseRemainingMs: () => 500 }))).toMatchObject({
      kind: "completed",
    });
  });

  it("releases an event unsent when the worker is stopping", async () => {
    const { publisher, asked } = publisherThat();
    const context = contextWith({ signal: AbortSignal.abort() });
    expect(await publishWith(publisher).handle(event, context)).toEqual({
      kind: "release",
      reason: "the worker is stopping",
    });
    expect(asked).toEqual([]);
  });

  it("answers the publisher's question before each write by the lease and the signal of that moment", async () => {
    let leaseRemainingMs = 60_000;
    const stopping = new AbortController();
    const { publisher, asked } = publisherThat();
    const context = contextWith({ signal: stopping.signal, leaseRemainingMs: () => leaseRemainingMs });
    await publishWith(publisher, { timeoutMs: 500 }).handle(event, context);
    const mayWrite = asked[0]?.options.mayWrite;
    expect(mayWrite?.()).toBe(true);
    leaseRemainingMs = 499;
    expect(mayWrite?.()).toBe(false);
    leaseRemainingMs = 60_000;
    stopping.abort();
    expect(mayWrite?.()).toBe(false);
  });

  it.each([
    ["BROKER.UNREACHABLE", "defer"],
    ["BROKER.PUBLISH_TIMEOUT", "defer"],
    ["BROKER.STOPPED", "defer"],
    ["BROKER.NACKED", "retry"],
    ["BROKER.MESSAGE_REFUSED", "retry"],
    ["BROKER.UNROUTABLE", "failed"],
    ["BROKER.NOT_PERMITTED", "release"],
  ] as const)("makes %s a %s, as the failure table says", async (code, kind) => {
    const { publisher } = publisherThat(async () => {
      throw new OmniBoxError(code, "x");
    });
    expect((await composePipeline([], publishWith(publisher))(event, contextWith())).kind).toBe(kind);
  });

  it("counts a converter that fails as an attempt, and sends nothing", async () => {
    const { publisher, asked } = publisherThat();
    const converter = {
      name: "broken",
      toMessage: () => {
        throw new RangeError("no such field");
      },
    };
    const result = await composePipeline([], publishWith(publisher, { converter }))(event, contextWith());
    expect(result).toMatchObject({ kind: "retry", failure: { code: "RangeError", message: "no such field" } });
    expect(asked).toEqual([]);
  });

  it("refuses options that cannot work, all at once", () => {
    const { publisher } = publisherThat();
    expect(() => publishWith(publisher, { timeoutMs: 0, converter: {}, retries: 1 } as never)).toThrow(
      /publishWith: 3 problems: timeoutMs: .*; converter: .*; unknown option "retries"$/,
    );
    expect(() => publishWith({} as never)).toThrow(/publishWith: 1 problem: publisher: expected an event publisher/);
  });
});
