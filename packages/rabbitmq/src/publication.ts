import { type ErrorCode, type ErrorMeta, OmniBoxError } from "@omni-box/core";
import type { EncodedMessage } from "./encode-message.js";
import { FifoNode } from "./fifo-list.js";

/** The one who holds a publication until it is settled. */
export interface PublicationHolder {
  enqueue(publication: Publication): void;
  /** The time is up: rejects the publication with the reason that fits where it is. */
  expire(publication: Publication): void;
  /** Called once after a group of `expire` calls, to deal with what the silence means. */
  afterExpiry(): void;
}

/** One call of `publish` that is not settled yet. */
export class Publication {
  /** Where it waits: in a queue, among the suspects, or on a channel for its confirm. */
  readonly place = new FifoNode<Publication>(this);
  /** Its place among the deadlines. */
  readonly expiry = new FifoNode<Publication>(this);
  /** Whether it has been written to a channel at least once. */
  mayHaveArrived = false;
  /** Whether it was unconfirmed, among others, when the broker closed a channel over one of them. */
  suspect = false;

  constructor(
    readonly message: EncodedMessage,
    readonly partitionKey: string,
    readonly holder: PublicationHolder,
    readonly deadlineMs: number,
    readonly mayWrite: (() => boolean) | undefined,
    readonly resolve: () => void,
    readonly reject: (error: unknown) => void,
  ) {}

  /** The error for this message: what happened, in `text`, and whether the message may be at the broker. */
  failure(code: ErrorCode, text: string, meta: ErrorMeta = {}): OmniBoxError {
    const { id, routingKey } = this.message;
    return new OmniBoxError(code, `message ${id}: ${text}`, {
      meta: { messageId: id, topic: routingKey, mayHaveArrived: this.mayHaveArrived, ...meta },
    });
  }
}
