import type { AmqpConfirmChannelLike } from "./amqp-connection-like.js";
import { asError } from "./as-error.js";
import { FifoList } from "./fifo-list.js";
import { HeaderTable } from "./header-table.js";
import type { Publication } from "./publication.js";

/** What became of a message that was written. */
export type ChannelAnswer =
  | { readonly kind: "confirmed" }
  | { readonly kind: "returned"; readonly replyCode: number; readonly replyText: string }
  | { readonly kind: "refused"; readonly error: unknown };

/** Who a channel belongs to. */
export interface PublishChannelOwner {
  onAnswer(channel: PublishChannel, publication: Publication, answer: ChannelAnswer): void;
  /** The channel takes messages again after {@link PublishChannel.isFull}. */
  onDrain(channel: PublishChannel): void;
  /** The channel is gone; its unconfirmed publications are still listed. `error` is the broker's, if it closed just this channel. */
  onClosed(channel: PublishChannel, error: Error | null): void;
}

interface ReturnedMessage {
  readonly fields: { readonly replyCode?: number; readonly replyText?: string };
  readonly properties: { readonly messageId?: unknown };
}

const confirmed: ChannelAnswer = Object.freeze({ kind: "confirmed" });

/** One confirm channel: writes messages and learns what became of each. */
export class PublishChannel {
  /** Written and not yet confirmed, in the order of writing. */
  readonly unconfirmed = new FifoList<Publication>();
  readonly #channel: AmqpConfirmChannelLike;
  readonly #exchange: string;
  readonly #owner: PublishChannelOwner;
  readonly #headers = new HeaderTable();
  /** Messages that came back, by id, until their confirm comes: the broker sends the return first. */
  readonly #returns = new Map<string, ReturnedMessage[]>();
  #full = false;
  #error: Error | null = null;

  constructor(channel: AmqpConfirmChannelLike, exchange: string, owner: PublishChannelOwner) {
    this.#channel = channel;
    this.#exchange = exchange;
    this.#owner = owner;
    // An emitter without an `error` listener would end the process.
    channel.on("error", (error) => {
      this.#error = asError(error, "The channel failed");
    });
    channel.on("return", (message) => this.#onReturn(message as ReturnedMessage));
    channel.on("drain", () => {
      this.#full = false;
      owner.onDrain(this);
    });
    // Before amqplib's own listener, which gives every callback the same error as for a refusal.
    channel.prependListener("close", () => owner.onClosed(this, this.#error));
  }

  /** Whether the write buffer is full; writing on would only use memory. */
  get isFull(): boolean {
    return this.#full;
  }

  /**
   * Writes one message.
   *
   * @throws what amqplib throws when it cannot encode the message, or when the channel is closed; then nothing was written.
   */
  write(publication: Publication): void {
    const { routingKey, body, properties } = publication.message;
    const options = { ...properties, headers: this.#headers.of(properties.headers) };
    const roomLeft = this.#channel.publish(this.#exchange, routingKey, body, options, (error) =>
      this.#onConfirm(publication, error),
    );
    publication.mayHaveArrived = true;
    this.unconfirmed.append(publication.place);
    if (!roomLeft) this.#full = true;
  }

  /** Asks the broker to close the channel. Rejects when the channel or its connection is closed already. */
  close(): Promise<void> {
    return this.#channel.close();
  }

  #onReturn(message: ReturnedMessage): void {
    const id = String(message.properties.messageId);
    const earlier = this.#returns.get(id);
    if (earlier === undefined) this.#returns.set(id, [message]);
    else earlier.push(message);
  }

  // Runs inside amqplib's frame loop, where a thrown error would end the connection: nothing here or below may throw.
  #onConfirm(publication: Publication, error: unknown): void {
    // Timed out or given up before.
    if (publication.place.list !== this.unconfirmed) return;
    this.unconfirmed.remove(publication.place);
    this.#owner.onAnswer(this, publication, this.#answerTo(publication, error));
  }

  #answerTo(publication: Publication, error: unknown): ChannelAnswer {
    if (error !== null && error !== undefined) return { kind: "refused", error };
    if (this.#returns.size === 0) return confirmed;
    const { id } = publication.message;
    const returns = this.#returns.get(id);
    const returned = returns?.shift();
    if (returned === undefined) return confirmed;
    if (returns?.length === 0) this.#returns.delete(id);
    const { replyCode = 0, replyText = "" } = returned.fields;
    return { kind: "returned", replyCode, replyText };
  }
}
