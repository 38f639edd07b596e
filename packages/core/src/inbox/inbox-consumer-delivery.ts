import type { FailureDescription } from "../errors/describe-failure.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { type InboxEventDraft, inboxEventOf } from "../events/inbox-event-draft.js";
import type { AckHandle, ConsumedMessage } from "../protocols/event-consumer.js";
import type { DecodedMessage } from "./decode-message.js";

/** One delivered message from its arrival until it is settled. */
export class Delivery {
  readonly draft: InboxEventDraft;
  /** What steps and handlers see of it. */
  readonly event: InboxEvent;
  /** Why it cannot be handled; `null` when it can. */
  readonly undecodable: FailureDescription | null;
  /** Called when the message is lost while it waits in a line; set by that line. */
  onLost: (() => void) | null = null;
  private forgotten = false;

  constructor(
    readonly message: ConsumedMessage,
    readonly handle: AckHandle,
    { draft, failure }: DecodedMessage,
    receivedAt: Date,
    attemptsMade: number,
  ) {
    this.draft = draft;
    const event = inboxEventOf(draft, receivedAt);
    this.event = attemptsMade === 0 ? event : Object.freeze({ ...event, attemptsMade });
    this.undecodable = failure;
  }

  /** Its channel has gone: it will come again, and cannot be settled here. */
  get isLost(): boolean {
    return this.handle.lost.aborted;
  }

  /** The broker was told to forget it. */
  get isForgotten(): boolean {
    return this.forgotten;
  }

  ack(): void {
    this.forget(() => this.handle.ack());
  }

  deadLetter(): void {
    this.forget(() => this.handle.deadLetter());
  }

  requeue(): void {
    if (!this.forgotten) this.handle.requeue();
  }

  private forget(tell: () => void): void {
    if (this.forgotten || this.isLost) return;
    this.forgotten = true;
    tell();
  }
}
