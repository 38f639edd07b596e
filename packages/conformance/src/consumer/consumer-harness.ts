import type { EventConsumer } from "@omni-box/core";
import type { ClosableHarness } from "../conformance-case.js";

/**
 * What a consumer can do beyond the common contract, and what its harness can provoke.
 *
 * - `deliveryCount`: `capabilities.countsDeliveries`; declared and claimed must agree.
 * - `deadLetters`: `capabilities.deadLetters`, likewise. Hook: `deadLettered`.
 * - `connectionLoss`: the connections of the consumers can be cut. Hooks: `cutConnection`, `restoreConnection`.
 * - `queueDeletion`: what the consumer takes from can be taken away under it. Hooks: `deleteQueue`, `restoreQueue`.
 * - `typedHeaders`: the broker carries numbers, booleans, dates and lists as header values.
 */
export type ConsumerFeature = "deliveryCount" | "deadLetters" | "connectionLoss" | "queueDeletion" | "typedHeaders";

/** A message as any sender, ours or not, may put it into a queue. */
export interface RawMessage {
  readonly messageId: string | null;
  readonly topic: string;
  readonly type: string | null;
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
  readonly correlationId: string | null;
  /** Texts; with the feature `typedHeaders` also numbers, booleans, `Date`s and arrays of such. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** Whole seconds. */
  readonly timestamp: Date | null;
  readonly body: Uint8Array;
}

/** The consumer options that cases ask for. */
export interface HarnessConsumerOptions {
  readonly prefetch: number;
}

/**
 * An adapter's way into `consumerCases`: one queue that is empty at first, ways to fill it and to look at it from outside,
 * and the faults that can be provoked.
 *
 * A fresh harness is made for every case and isolated from all others by the name of its queue.
 */
export interface ConsumerHarness extends ClosableHarness {
  /** The queue's name, as `source` of the messages that come from it. */
  readonly source: string;

  /**
   * Makes a consumer of the queue that has not been started. Called several times it makes consumers that compete. The cases
   * start and stop them; stop what they left running in `close()`.
   */
  createConsumer(options: HarnessConsumerOptions): EventConsumer;

  /** Puts messages into the queue in this order, whatever their topics; resolves when all are in it. Works also while consumers are cut off. */
  publish(messages: readonly RawMessage[]): Promise<void>;

  /** How many messages wait in the queue, without those that a consumer has in hand. */
  countReady(): Promise<number>;

  /** With the feature `deadLetters`: the ids of the messages that have arrived where dead letters go. */
  deadLettered?(): Promise<readonly (string | null)[]>;

  /**
   * Ends the consumers' connections and keeps them from connecting again; resolves when the broker has seen their end, so that
   * what they had in hand waits in the queue again. A TCP proxy between consumer and broker does this well.
   */
  cutConnection?(): Promise<void>;

  /** Lets the consumers connect again. Need not wait until they have. */
  restoreConnection?(): Promise<void>;

  /** Deletes the queue with all messages in it; the consumers' connections stay. */
  deleteQueue?(): Promise<void>;

  /** Makes the queue anew, empty, under its former name. */
  restoreQueue?(): Promise<void>;
}
