import { type ConsumerMutant, consumerAs, deliveringAs, messageAs } from "./consumer-mutant.js";

/** Faults of what is delivered, how often, and how much at once. */
export const deliveryMutants: readonly ConsumerMutant[] = [
  {
    fault: "headers are left behind",
    killedBy: "consumer.delivery.all-fields",
    wrap: messageAs((message) => ({ ...message, headers: {} })),
  },
  {
    fault: "the body is taken for text",
    killedBy: "consumer.delivery.all-fields",
    wrap: messageAs((message) => ({ ...message, body: Buffer.from(Buffer.from(message.body).toString("utf8")) })),
  },
  {
    fault: "the topic is the queue's name",
    killedBy: "consumer.delivery.all-fields",
    wrap: messageAs((message) => ({ ...message, topic: message.source })),
  },
  {
    fault: "the source is the topic",
    killedBy: "consumer.delivery.all-fields",
    wrap: messageAs((message) => ({ ...message, source: message.topic })),
  },
  {
    fault: "every message is called redelivered",
    killedBy: "consumer.delivery.order",
    wrap: messageAs((message) => ({ ...message, redelivered: true })),
  },
  {
    fault: "no message is called redelivered",
    killedBy: "consumer.settle.requeue",
    wrap: messageAs((message) => ({ ...message, redelivered: false })),
  },
  {
    fault: "the delivery count does not grow",
    killedBy: "consumer.settle.delivery-count",
    wrap: messageAs((message) => ({ ...message, deliveryCount: 0 })),
  },
  {
    fault: "deliveries are counted from 1",
    killedBy: "consumer.settle.delivery-count",
    wrap: messageAs((message) => ({ ...message, deliveryCount: (message.deliveryCount ?? 0) + 1 })),
  },
  {
    fault: "a missing message id becomes the word undefined",
    killedBy: "consumer.delivery.nulls",
    wrap: messageAs((message) => ({ ...message, messageId: String(message.messageId ?? undefined) })),
  },
  {
    fault: "a missing time becomes the time of arrival",
    killedBy: "consumer.delivery.nulls",
    wrap: messageAs((message) => ({ ...message, timestamp: message.timestamp ?? new Date() })),
  },
  {
    fault: "headers named as JavaScript's own properties are dropped",
    killedBy: "consumer.delivery.property-names",
    wrap: messageAs((message) => ({
      ...message,
      headers: Object.fromEntries(Object.entries(message.headers).filter(([name]) => !(name in {}))),
    })),
  },
  {
    fault: "a large body is cut",
    killedBy: "consumer.delivery.large",
    wrap: messageAs((message) => ({ ...message, body: message.body.subarray(0, 131_072) })),
  },
  {
    fault: "every message is delivered twice",
    killedBy: "consumer.delivery.order",
    wrap: deliveringAs(() => (listener) => (message, handle) => {
      listener(message, handle);
      listener(message, handle);
    }),
  },
  {
    fault: "every third message is overtaken by the next",
    killedBy: "consumer.delivery.order",
    wrap: deliveringAs(() => {
      let count = 0;
      return (listener) => (message, handle) => {
        count += 1;
        if (count % 3 === 0) setImmediate(() => listener(message, handle));
        else listener(message, handle);
      };
    }),
  },
  {
    fault: "the prefetch is ignored",
    killedBy: "consumer.prefetch.bound",
    wrap: (create) => (options) => ({ ...create({ prefetch: 10_000 }), prefetch: options.prefetch }),
  },
  {
    fault: "one more than the prefetch is in hand",
    killedBy: "consumer.prefetch.refilled",
    wrap: (create) => (options) => ({ ...create({ prefetch: options.prefetch + 1 }), prefetch: options.prefetch }),
  },
  {
    fault: "the prefetch is taken for two",
    killedBy: "consumer.prefetch.one",
    wrap: (create) => (options) => ({ ...create({ prefetch: options.prefetch * 2 }), prefetch: options.prefetch }),
  },
  {
    fault: "messages are taken one by one, whatever the prefetch",
    killedBy: "consumer.prefetch.filled",
    wrap: (create) => (options) => ({ ...create({ prefetch: 1 }), prefetch: options.prefetch }),
  },
  {
    fault: "it tells another prefetch than it was given",
    killedBy: "consumer.declarations.prefetch",
    wrap: consumerAs((base) => ({ ...base, prefetch: 1 })),
  },
  {
    fault: "it does not claim the capability that was declared",
    killedBy: "consumer.declarations.capabilities",
    wrap: consumerAs((base) => ({ ...base, capabilities: { ...base.capabilities, deadLetters: false } })),
  },
  {
    fault: "one of two consumers takes all there is",
    killedBy: "consumer.competition.shared",
    wrap: (create) => {
      let isFirst = true;
      return (options) => {
        const base = create(options);
        if (isFirst) {
          isFirst = false;
          return base;
        }
        return {
          ...base,
          start: async () => undefined,
          health: () => ({ status: "healthy", reasons: [], unsettled: 0 }),
        };
      };
    },
  },
];
