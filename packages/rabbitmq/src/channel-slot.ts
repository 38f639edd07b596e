import { type Clock, describeFailure, type ErrorCode, isOmniBoxError, type Logger } from "@omni-box/core";
import { asError } from "./as-error.js";
import type { ConnectionSession } from "./connection-session.js";
import { amqpReply } from "./map-amqp-error.js";
import type { OpenPublications } from "./open-publications.js";
import type { Publication, PublicationHolder } from "./publication.js";
import { obstacleTo, refusalOf, returnOf } from "./publication-failures.js";
import { type ChannelAnswer, PublishChannel, type PublishChannelOwner } from "./publish-channel.js";
import { withinTime } from "./within-time.js";
import { WriteOrder } from "./write-order.js";

/** Options of {@link ChannelSlot}. */
export interface ChannelSlotOptions {
  readonly exchange: string;
  /** Messages that may be unconfirmed at once on this slot's channel. */
  readonly maxUnconfirmed: number;
  readonly unroutable: "fail" | "retry";
  readonly openTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly publications: OpenPublications;
  readonly clock: Clock;
  readonly logger: Logger;
}

const notFound = 404;

/** A channel that publishes names one thing that can be missing. */
function isExchangeMissing(error: Error | null): boolean {
  return amqpReply(error)?.code === notFound;
}

/** The lane of the partition keys that hash to it: a queue and, on each connection, one channel at a time. */
export class ChannelSlot implements PublicationHolder, PublishChannelOwner {
  readonly #options: ChannelSlotOptions;
  readonly #order: WriteOrder;
  #session: ConnectionSession | null = null;
  #channel: PublishChannel | null = null;
  #isSilent = false;
  #isWriting = false;
  #isWritingScheduled = false;

  constructor(options: ChannelSlotOptions) {
    this.#options = options;
    this.#order = new WriteOrder(options.maxUnconfirmed);
  }

  /** Messages that were written and have no answer. */
  get unconfirmed(): number {
    return (this.#channel?.unconfirmed.size ?? 0) + this.#order.suspects.size;
  }

  /** Takes a publication over; writes it in this turn when nothing is before it. */
  enqueue(publication: Publication): void {
    this.#order.enqueue(publication);
    this.#writeAll();
  }

  /** Uses the connection from now on; resolves when the channel is open or the connection is given up. */
  async attach(session: ConnectionSession): Promise<void> {
    this.#session = session;
    await this.#openChannel(session);
  }

  /** Rejects what was written on the connection that has ended. What was not written stays for the next one. */
  detach(session: ConnectionSession, reason: Error): void {
    if (this.#session !== session) return;
    const unanswered = [...(this.#channel?.unconfirmed ?? []), ...this.#order.suspects];
    this.#session = null;
    this.#channel = null;
    this.#failLost(unanswered, `the connection ended before the confirm came (${describeFailure(reason).message})`);
  }

  /** Goes on writing after the connection was blocked. */
  resume(): void {
    this.#scheduleWriting();
  }

  /** Rejects everything that was never written. */
  failQueued(code: ErrorCode, text: string): void {
    for (const publication of this.#order.queued) this.#fail(publication, publication.failure(code, text));
  }

  expire(publication: Publication): void {
    if (publication.place.list === this.#channel?.unconfirmed) this.#isSilent = true;
    if (publication.mayHaveArrived) {
      this.#fail(publication, publication.failure("BROKER.PUBLISH_TIMEOUT", "no confirm came in time"));
    } else if (this.#session === null) {
      this.#fail(publication, publication.failure("BROKER.UNREACHABLE", "no connection was made in time; not sent"));
    } else {
      const why = this.#session.blockedReason ?? "earlier messages wait for their confirms";
      this.#fail(publication, publication.failure("BROKER.BLOCKED", `the broker held it back: ${why}; not sent`));
    }
  }

  afterExpiry(): void {
    if (this.#isSilent) void this.#abandonChannel();
  }

  onAnswer(_channel: PublishChannel, publication: Publication, answer: ChannelAnswer): void {
    if (answer.kind === "confirmed") {
      this.#options.publications.confirm(publication);
      if (!this.#order.isEmpty) this.#scheduleWriting();
      return;
    }
    const { kind } = answer;
    this.#fail(
      publication,
      kind === "refused" ? refusalOf(publication, answer.error) : returnOf(publication, answer, this.#options),
    );
  }

  onDrain(): void {
    this.#scheduleWriting();
  }

  onClosed(channel: PublishChannel, error: Error | null): void {
    const session = this.#session;
    if (channel !== this.#channel || session === null) return;
    if (isExchangeMissing(error)) {
      // No message is to blame, and all the others would meet the same: a new connection makes the topology again, or says
      // what it lacks. What was written is rejected with this one, in this turn.
      void session.close(new Error(`the exchange "${this.#options.exchange}" is gone`));
      return;
    }
    this.#channel = null;
    this.#settleClosed([...channel.unconfirmed], error);
    // Not in this turn: the connection may be closing all its channels, and the caller should see the rejections first.
    setImmediate(() => {
      if (session === this.#session) void this.#openChannel(session);
    });
  }

  /** Protocol rule R19: a single unconfirmed message is the culprit; among several it has to be found. */
  #settleClosed(unconfirmed: readonly Publication[], error: Error | null): void {
    const [first] = unconfirmed;
    if (first === undefined) return;
    const refusal = refusalOf(first, error);
    if (!isOmniBoxError(refusal, "BROKER.MESSAGE_REFUSED")) {
      this.#failLost(unconfirmed, "the channel was closed before the confirm came");
    } else if (unconfirmed.length === 1) {
      this.#fail(first, refusal);
    } else {
      const { logger, exchange } = this.#options;
      const fields = { exchange, unconfirmed: unconfirmed.length, error: describeFailure(error) };
      logger.warn(fields, "RabbitMQ closed a channel over one of its messages; they are published again one at a time");
      this.#order.isolate(unconfirmed);
    }
  }

  async #openChannel(session: ConnectionSession): Promise<void> {
    const { clock, exchange, openTimeoutMs } = this.#options;
    try {
      const channel = await withinTime(session.connection.createConfirmChannel(), {
        clock,
        timeoutMs: openTimeoutMs,
        timeoutError: () => new Error(`No channel could be opened within ${openTimeoutMs} ms`),
      });
      if (session !== this.#session) return;
      this.#channel = new PublishChannel(channel, exchange, this);
    } catch (error) {
      return session.destroy(asError(error, "The channel failed"));
    }
    this.#writeAll();
  }

  /** Protocol rule R7: after a time-out nothing more may be written behind the silent message on its channel. */
  async #abandonChannel(): Promise<void> {
    this.#isSilent = false;
    const channel = this.#channel;
    const session = this.#session;
    if (channel === null || session === null) return;
    this.#channel = null;
    this.#failLost(channel.unconfirmed, "its channel was closed because another message was not confirmed in time");
    try {
      await this.#closeChannel(channel, session);
    } catch (error) {
      session.destroy(asError(error, "The channel could not be closed"));
      return;
    }
    if (session === this.#session) await this.#openChannel(session);
  }

  async #closeChannel(channel: PublishChannel, session: ConnectionSession): Promise<void> {
    const { clock, closeTimeoutMs } = this.#options;
    const noAnswer = new Error(`The broker confirmed nothing and did not answer within ${closeTimeoutMs} ms`);
    const closing = channel.close();
    for (let isClosed = false; !isClosed; ) {
      try {
        await withinTime(closing, { clock, timeoutMs: closeTimeoutMs, timeoutError: () => noAnswer });
        isClosed = true;
      } catch (error) {
        // A broker short of resources does not read, but it lives. A new connection would have to write, and so repeat,
        // a message only to be told the same.
        if (error !== noAnswer || !session.isKnownToBeBlocked) throw error;
      }
    }
  }

  #scheduleWriting(): void {
    if (this.#isWritingScheduled) return;
    this.#isWritingScheduled = true;
    setImmediate(() => {
      this.#isWritingScheduled = false;
      this.#writeAll();
    });
  }

  #writeAll(): void {
    // `mayWrite` is the caller's code and may publish.
    if (this.#isWriting) return;
    this.#isWriting = true;
    for (let next = this.#nextToWrite(); next !== undefined; next = this.#nextToWrite()) this.#write(next);
    this.#isWriting = false;
  }

  #nextToWrite(): Publication | undefined {
    if (this.#isWritingScheduled) return undefined;
    const channel = this.#channel;
    if (channel === null || channel.isFull || this.#session?.blockedReason !== null) return undefined;
    return this.#order.next(channel.unconfirmed);
  }

  #write(publication: Publication): void {
    if (this.#options.clock.monotonicMs() >= publication.deadlineMs) {
      this.expire(publication);
    } else if (this.#order.isStopped(publication)) {
      this.#failLost([publication], "its channel was closed, and an earlier message of its key was not accepted");
    } else {
      const obstacle = obstacleTo(publication, this.#session?.internals.frameMaxBytes);
      // Nothing may come between `mayWrite`, which the obstacles include, and the write.
      if (obstacle === null) this.#writeNow(publication);
      else this.#fail(publication, obstacle.error);
    }
  }

  #writeNow(publication: Publication): void {
    try {
      this.#channel?.write(publication);
    } catch (error) {
      const refusal = refusalOf(publication, error);
      if (isOmniBoxError(refusal, "BROKER.CONNECTION_LOST"))
        this.#session?.destroy(asError(error, "The channel failed"));
      else this.#fail(publication, refusal);
    }
  }

  #failLost(publications: Iterable<Publication>, text: string): void {
    for (const publication of publications) {
      this.#fail(publication, publication.failure("BROKER.CONNECTION_LOST", text));
    }
  }

  #fail(publication: Publication, error: unknown): void {
    this.#options.publications.fail(publication, error);
    this.#order.noteFailure(publication);
    // The caller gets a turn first, to stop what must not follow a rejection.
    this.#scheduleWriting();
  }
}
