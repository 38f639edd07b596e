import { z } from "zod";
import { defaults } from "../defaults.js";
import { milliseconds, objectWith, validateOptions } from "../errors/validate-options.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { outcome } from "../pipeline/outcome.js";
import type { EventHandler } from "../pipeline/step.js";
import type { EventPublisher } from "../protocols/event-publisher.js";
import type { MessageConverter } from "../wire/message-converter.js";
import { rawConverter } from "../wire/raw-converter.js";

/** Options of {@link publishWith}. */
export interface PublishWithOptions {
  /** From `publish()` to the confirm; default 10,000 ms. Must be at most half of the lease. */
  readonly timeoutMs?: number | undefined;
  /** How long others wait after the end of a lease, `takeoverGraceMs` of the fetch strategy; default 0 ms. The publisher may warn by it. */
  readonly takeoverGraceMs?: number | undefined;
  /** The wire format; default `rawConverter()`. */
  readonly converter?: MessageConverter | undefined;
}

const publishOptions = z.strictObject({
  publisher: objectWith<EventPublisher>("an event publisher", "publish"),
  timeoutMs: milliseconds(1).default(defaults.publishTimeoutMs),
  takeoverGraceMs: milliseconds(0).default(0),
  converter: objectWith<MessageConverter>("a message converter", "toMessage").default(rawConverter),
});

const published = Object.freeze(outcome.completed());
const confirmed = () => published;

/** Why an event was released, unpublished. */
export const leaseTooShort = "the lease is too short";

/**
 * The relay's handler: publishes the event and completes it when the broker has confirmed.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function publishWith(publisher: EventPublisher, options: PublishWithOptions = {}): EventHandler<OutboxEvent> {
  const valid = validateOptions("publishWith", publishOptions, { ...options, publisher });
  const { timeoutMs, takeoverGraceMs, converter } = valid;
  return Object.freeze<EventHandler<OutboxEvent>>({
    name: "publishWith",
    requiredLeaseMs: timeoutMs,
    handle(event, context) {
      // Asked again at every write to the wire: a message must not leave when its lease could end before its time-out does.
      const mayWrite = () => !context.signal.aborted && context.leaseRemainingMs(event) >= timeoutMs;
      if (!mayWrite()) {
        return Promise.resolve(outcome.release(context.signal.aborted ? "the worker is stopping" : leaseTooShort));
      }
      const publishing = publisher.publish(converter.toMessage(event), { timeoutMs, takeoverGraceMs, mayWrite });
      // A publisher in JavaScript may forget the promise.
      return Promise.resolve(publishing).then(confirmed);
    },
  });
}
