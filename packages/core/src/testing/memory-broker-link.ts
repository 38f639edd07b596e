import type { OutgoingMessage } from "../protocols/event-publisher.js";

/** What a broker says about one message. */
export type BrokerAnswer = "confirmed" | "nacked" | "unroutable";

/** A change of the connection that a publisher is told about. */
export type LinkChange = "disconnected" | "reconnected" | "blocked" | "unblocked";

/** A publisher's connection to the in-memory broker. */
export interface MemoryBrokerLink {
  readonly connected: boolean;
  readonly blocked: boolean;
  /**
   * Puts the message into the queues now; the answer comes later, or never.
   *
   * @returns `false` when the broker does not take such a message at all.
   */
  send(message: OutgoingMessage, onAnswer: (answer: BrokerAnswer) => void): boolean;
  onChange(listener: (change: LinkChange) => void): void;
}
