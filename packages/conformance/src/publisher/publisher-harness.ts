import type { EventPublisher } from "@omni-box/core";
import type { ClosableHarness } from "../conformance-case.js";

/**
 * What a publisher's harness can provoke, each with the hook of {@link PublisherHarness} that the cases then call.
 *
 * - `unroutable`: `capabilities.reportsUnroutable`; declared and claimed must agree. Hook: `unroutableTopic`.
 * - `connectionLoss`: the connection can be cut. Hooks: `cutConnection`, `restoreConnection`.
 * - `heldConfirms`: confirms can be held back on their way. Hooks: `holdConfirms`, `releaseConfirms`.
 * - `flowControl`: the broker can stop taking messages. Hooks: `block`, `unblock`.
 * - `nack`: the broker can refuse messages. Hook: `createRefusingTopic`.
 * - `unsendable`: there are messages that client library or broker cannot take at all. Hook: `unsendable`.
 */
export type PublisherFeature = "unroutable" | "connectionLoss" | "heldConfirms" | "flowControl" | "nack" | "unsendable";

/** One message as a consumer of the broker sees it. */
export interface ReceivedMessage {
  readonly id: string;
  readonly topic: string;
  readonly type: string;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** The headers with text values; those that the adapter adds for itself may be among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly correlationId: string | null;
  /** Brokers may keep whole seconds only. */
  readonly timestamp: Date;
}

/**
 * An adapter's way into `publisherCases`: a broker, topics on it, and the faults that it can provoke.
 *
 * A fresh harness is made for every case and isolated from all others by the names of its topics.
 */
export interface PublisherHarness extends ClosableHarness {
  /** Makes a publisher that has not been started. The cases start and stop it; stop what they left running in `close()`. */
  createPublisher(): EventPublisher;

  /** Makes a topic that nobody used before and a queue that gets everything published to it; resolves when both work. */
  createTopic(): Promise<string>;

  /**
   * Resolves with everything that has arrived at a topic of `createTopic`, in the order of arrival, as soon as there are
   * at least `count` messages; rejects when there are fewer after ten seconds or so. Taking nothing away: asked again, it
   * gives the same messages and any newer ones.
   */
  receive(topic: string, count: number): Promise<readonly ReceivedMessage[]>;

  /** A topic that no queue wants. */
  readonly unroutableTopic?: string;

  /**
   * Ends the publisher's connections and keeps it from connecting again; resolves when they are cut. A TCP proxy
   * between publisher and broker does this well.
   */
  cutConnection?(): Promise<void>;

  /** Lets the publisher connect again. Need not wait until it has. */
  restoreConnection?(): Promise<void>;

  /** From now on messages reach the broker but its answers do not reach the publisher; the connection stays up. */
  holdConfirms?(): Promise<void>;

  /** Delivers the answers that were held back, and those to come. */
  releaseConfirms?(): Promise<void>;

  /** Makes the broker stop taking messages by its own flow control; resolves when the publisher has been told. */
  block?(): Promise<void>;

  /** Ends the flow control. */
  unblock?(): Promise<void>;

  /** Makes a topic whose every message the broker refuses with a negative confirm. */
  createRefusingTopic?(): Promise<string>;

  /** What has to be changed in a sound message so that client library or broker cannot take it, such as a header of 100 kB. */
  readonly unsendable?: { readonly headers?: Readonly<Record<string, string>>; readonly body?: Uint8Array };
}
