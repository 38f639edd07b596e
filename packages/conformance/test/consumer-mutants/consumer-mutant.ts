import type { HarnessConsumerOptions } from "@omni-box/conformance";
import type { AckHandle, ConsumedMessage, DeliveryListener, EventConsumer } from "@omni-box/core";

type CreateConsumer = (options: HarnessConsumerOptions) => EventConsumer;

/** A consumer with one fault, and the case that has to notice it. */
export interface ConsumerMutant {
  readonly fault: string;
  readonly killedBy: string;
  readonly wrap: (createConsumer: CreateConsumer) => CreateConsumer;
}

/** A fault of a consumer once it is made. */
export function consumerAs(change: (base: EventConsumer) => EventConsumer): ConsumerMutant["wrap"] {
  return (create) => (options) => change(create(options));
}

/** A fault on the way from the consumer to its listener; `change` is called once for each consumer. */
export function deliveringAs(change: () => (listener: DeliveryListener) => DeliveryListener): ConsumerMutant["wrap"] {
  return consumerAs((base) => {
    const changed = change();
    return { ...base, start: (listener) => base.start(changed(listener)) };
  });
}

/** A fault in what a message says. */
export function messageAs(change: (message: ConsumedMessage) => ConsumedMessage): ConsumerMutant["wrap"] {
  return deliveringAs(() => (listener) => (message, handle) => listener(change(message), handle));
}

/** A fault in what a handle does; `change` is called once for each message. */
export function handleAs(
  change: (handle: AckHandle, message: ConsumedMessage) => Partial<AckHandle>,
): ConsumerMutant["wrap"] {
  return deliveringAs(
    () => (listener) => (message, handle) => listener(message, { ...handle, ...change(handle, message) }),
  );
}
