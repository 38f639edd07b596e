import type { EventPublisher } from "@omni-box/core";

/** A publisher with one fault, and the case that has to notice it. */
export interface PublisherMutant {
  readonly fault: string;
  readonly killedBy: string;
  readonly wrap: (publisher: EventPublisher) => EventPublisher;
}

type Publish = EventPublisher["publish"];

/** A fault in `publish` alone. */
export function publishAs(change: (publish: Publish) => Publish): PublisherMutant["wrap"] {
  return (base) => ({ ...base, publish: change(base.publish) });
}
