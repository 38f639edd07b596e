import type { OutgoingMessage, PublishOptions } from "@omni-box/core";
import { type PublisherMutant, publishAs } from "./publisher-mutant.js";

/** Faults of publishing itself. */
export const publishMutants: readonly PublisherMutant[] = [
  {
    fault: "a publish resolves before the confirm",
    killedBy: "publisher.publish.waits-for-confirm",
    wrap: publishAs((publish) => async (message, options) => {
      publish(message, options).catch(() => "nobody hears of it");
    }),
  },
  {
    fault: "messages are kept in a buffer that is lost on stop",
    killedBy: "publisher.publish.confirmed",
    wrap: (base) => {
      let stopped = false;
      const sendLater = (message: OutgoingMessage, options: PublishOptions) =>
        void setImmediate(() => stopped || base.publish(message, options));
      return {
        ...base,
        publish: async (message, options) => sendLater(message, options),
        stop(options) {
          stopped = true;
          return base.stop(options);
        },
      };
    },
  },
  {
    fault: "every second message of a key waits a turn",
    killedBy: "publisher.publish.key-order",
    wrap: publishAs((publish) => {
      let count = 0;
      return async (message, options) => {
        count += 1;
        // Ten keys in turn: this delays every second message of each.
        if (Math.floor(count / 10) % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
        return publish(message, options);
      };
    }),
  },
  {
    fault: "large messages wait a turn",
    killedBy: "publisher.publish.mixed-sizes-order",
    wrap: publishAs((publish) => async (message, options) => {
      if (message.body.byteLength > 100_000) await new Promise((resolve) => setImmediate(resolve));
      return publish(message, options);
    }),
  },
  {
    fault: "every message is sent twice",
    killedBy: "publisher.publish.key-order",
    wrap: publishAs((publish) => async (message, options) => {
      await publish(message, options);
      await publish(message, options);
    }),
  },
  {
    fault: "a repeated message is left out",
    killedBy: "publisher.publish.repeated",
    wrap: publishAs((publish) => {
      const seen = new Set<string>();
      return async (message, options) => {
        if (seen.has(message.id)) return;
        seen.add(message.id);
        await publish(message, options);
      };
    }),
  },
  {
    fault: "headers are left behind",
    killedBy: "publisher.publish.properties",
    wrap: publishAs((publish) => (message, options) => publish({ ...message, headers: {} }, options)),
  },
  {
    fault: "the body is taken for text",
    killedBy: "publisher.publish.properties",
    wrap: publishAs((publish) => (message, options) => {
      const body = Buffer.from(Buffer.from(message.body).toString("utf8"));
      return publish({ ...message, body }, options);
    }),
  },
  {
    fault: "a missing correlation id becomes an empty one",
    killedBy: "publisher.publish.empty",
    wrap: publishAs(
      (publish) => (message, options) => publish({ ...message, correlationId: message.correlationId ?? "" }, options),
    ),
  },
  {
    fault: "mayWrite is not asked",
    killedBy: "publisher.permission.denied",
    wrap: publishAs(
      (publish) =>
        (message, { timeoutMs }) =>
          publish(message, { timeoutMs }),
    ),
  },
  {
    fault: "mayWrite is asked at the call instead of at the write",
    killedBy: "publisher.permission.asked-at-write",
    wrap: publishAs((publish) => (message, { timeoutMs, mayWrite = () => true }) => {
      const permitted = mayWrite();
      return publish(message, { timeoutMs, mayWrite: () => permitted });
    }),
  },
  {
    fault: "one denial stops every later message",
    killedBy: "publisher.permission.per-message",
    wrap: publishAs((publish) => {
      let denied = false;
      return (message, { timeoutMs, mayWrite = () => true }) =>
        publish(message, {
          timeoutMs,
          mayWrite: () => {
            denied ||= !mayWrite();
            return !denied;
          },
        });
    }),
  },
];
