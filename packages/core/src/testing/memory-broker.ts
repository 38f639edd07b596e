import { z } from "zod";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { objectWith, validateOptions } from "../errors/validate-options.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type { EventConsumer } from "../protocols/event-consumer.js";
import type { EventPublisher, OutgoingMessage } from "../protocols/event-publisher.js";
import type { BrokerAnswer, LinkChange, MemoryBrokerLink } from "./memory-broker-link.js";
import {
  type ConsumerLinkChange,
  createMemoryConsumer,
  type MemoryConsumerLink,
  type MemoryConsumerOptions,
} from "./memory-consumer.js";
import { DeliveryQueue, type MemoryMessage } from "./memory-delivery-queue.js";
import { createMemoryPublisher } from "./memory-publisher.js";
import { matchesTopic } from "./topic-pattern.js";

/** A message broker inside this process: topics are routed to queues, publishers get confirms, faults come on request. */
export interface MemoryBroker {
  /** Makes the queue if there is none, and routes topics to it: exact, or with `*` for one word and `#` for any number. */
  bind(queue: string, topicPattern: string): void;
  /** Makes a publisher with a connection of its own; it has still to be started. */
  publisher(): EventPublisher;
  /** Makes a consumer with a connection of its own; it has still to be started. Consumers of one queue share its messages. */
  consumer(options: MemoryConsumerOptions): EventConsumer;

  /** Puts a message into the queue as a foreign sender would, or a message of `consumed` again; it is not among `messages(queue)`. */
  publishRaw(queue: string, message: Partial<MemoryMessage>): void;
  /** How many messages wait for a consumer, without those that one has in hand. */
  countReady(queue: string): number;
  /** What consumers have refused, in that order. */
  deadLetters(queue: string): readonly MemoryMessage[];

  /** Everything that publishers have sent to the queue, repeated messages included, in the order of arrival, consumed or not. */
  messages(queue: string): readonly OutgoingMessage[];
  /** Resolves with the queue's messages as soon as there are at least `count`. */
  waitForMessages(queue: string, count: number): Promise<readonly OutgoingMessage[]>;
  /** Calls `listener` for each message of the queue, those that have arrived already first; returns how to end it. */
  subscribe(queue: string, listener: (message: OutgoingMessage) => void): () => void;

  /**
   * Cuts all connections; what is unconfirmed by then is rejected, what consumers have in hand goes back to its place in the
   * queue. Nothing connects until `reconnect()`.
   */
  disconnect(): void;
  reconnect(): void;
  /** Ends the channels of all consumers, which at once open new ones; publishers do not notice. */
  dropConsumers(): void;
  /** Takes no messages, as a broker does when memory or disk run out; publishers wait. */
  block(): void;
  unblock(): void;
  /** Refuses the next `count` messages, or those of them whose topic matches. */
  nackNext(count: number, topicPattern?: string): void;
  /** Takes messages and keeps its answers to itself until `releaseConfirms()`. */
  holdConfirms(): void;
  releaseConfirms(): void;
  /** Takes the next `count` messages and never answers. */
  dropConfirms(count: number): void;
}

/** Options of {@link createMemoryBroker}. */
export interface MemoryBrokerOptions {
  /** Measures the time-outs of publishers; default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Larger bodies are refused; default 134,217,728 bytes, as RabbitMQ's. */
  readonly maxMessageBytes?: number | undefined;
}

const brokerOptions = z.strictObject({
  clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
  maxMessageBytes: z.int().min(1).default(134_217_728),
});

interface MemoryQueue {
  readonly patterns: Set<string>;
  readonly messages: OutgoingMessage[];
  readonly deliveries: DeliveryQueue;
  readonly listeners: Set<(message: OutgoingMessage) => void>;
}

/**
 * Creates an in-process broker without queues, for tests and demos. Its publishers pass the same conformance cases as the
 * real ones.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createMemoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  const { clock, maxMessageBytes } = validateOptions("createMemoryBroker", brokerOptions, options);
  const queues = new Map<string, MemoryQueue>();
  const linkListeners = new Set<(change: LinkChange) => void>();
  const consumerListeners = new Set<(change: ConsumerLinkChange) => void>();
  const refusals: { readonly pattern: string; left: number }[] = [];
  let heldAnswers: (() => void)[] | null = null;
  let answersToDrop = 0;
  let connected = true;
  let blocked = false;

  function tell(change: LinkChange): void {
    for (const listener of [...linkListeners]) listener(change);
  }

  function tellConsumers(change: ConsumerLinkChange): void {
    for (const listener of [...consumerListeners]) listener(change);
  }

  function queueNamed(name: string): MemoryQueue {
    const queue = queues.get(name);
    if (queue !== undefined) return queue;
    const known = [...queues.keys()].join(", ") || "none";
    throw new OmniBoxError("CONFIG.TOPOLOGY_MISMATCH", `there is no queue "${name}": bind it first (queues: ${known})`);
  }

  function accept(message: OutgoingMessage): BrokerAnswer {
    const refusal = refusals.find(({ pattern, left }) => left > 0 && matchesTopic(pattern, message.topic));
    if (refusal !== undefined) {
      refusal.left -= 1;
      return "nacked";
    }
    const matching = [...queues.values()].filter(({ patterns }) =>
      [...patterns].some((pattern) => matchesTopic(pattern, message.topic)),
    );
    for (const queue of matching) {
      queue.messages.push(message);
      queue.deliveries.put(receivedAs(message));
      for (const listener of queue.listeners) notifyLater(queue, listener, message);
    }
    return matching.length === 0 ? "unroutable" : "confirmed";
  }

  function answer(deliver: () => void): void {
    if (answersToDrop > 0) answersToDrop -= 1;
    else if (heldAnswers !== null) heldAnswers.push(deliver);
    else queueMicrotask(deliver);
  }

  const link: MemoryBrokerLink = {
    get connected() {
      return connected;
    },
    get blocked() {
      return blocked;
    },
    onChange: (listener) => void linkListeners.add(listener),
    send(message, onAnswer) {
      if (message.body.byteLength > maxMessageBytes) return false;
      const said = accept(copyOf(message));
      answer(() => onAnswer(said));
      return true;
    },
  };

  const consumerLink: MemoryConsumerLink = {
    get connected() {
      return connected;
    },
    queueNamed: (name) => queues.get(name)?.deliveries ?? null,
    onChange: (listener) => void consumerListeners.add(listener),
  };

  function subscribe(name: string, listener: (message: OutgoingMessage) => void): () => void {
    const queue = queueNamed(name);
    for (const message of [...queue.messages]) listener(message);
    queue.listeners.add(listener);
    return () => void queue.listeners.delete(listener);
  }

  return Object.freeze({
    bind(name: string, topicPattern: string): void {
      const queue = queues.get(name) ?? newQueue();
      queues.set(name, queue);
      queue.patterns.add(topicPattern);
      if (connected) tellConsumers("usable");
    },
    publisher: () => createMemoryPublisher(link, clock),
    consumer: (options: MemoryConsumerOptions) => createMemoryConsumer(consumerLink, clock, options),

    publishRaw: (name: string, message: Partial<MemoryMessage>) => queueNamed(name).deliveries.put(rawMessage(message)),
    countReady: (name: string) => queueNamed(name).deliveries.readyCount,
    deadLetters: (name: string) => [...queueNamed(name).deliveries.deadLetters],
    messages: (name: string) => [...queueNamed(name).messages],
    subscribe,
    waitForMessages(name: string, count: number): Promise<readonly OutgoingMessage[]> {
      const { messages, listeners } = queueNamed(name);
      return new Promise((resolve) => {
        const resolveWhenThere = () => {
          if (messages.length < count) return;
          listeners.delete(resolveWhenThere);
          resolve([...messages]);
        };
        listeners.add(resolveWhenThere);
        resolveWhenThere();
      });
    },

    disconnect(): void {
      connected = false;
      // The answers were on their way over the connections that are gone.
      if (heldAnswers !== null) heldAnswers = [];
      tell("disconnected");
      tellConsumers("lost");
    },
    reconnect(): void {
      connected = true;
      tell("reconnected");
      tellConsumers("usable");
    },
    dropConsumers(): void {
      tellConsumers("lost");
      tellConsumers("usable");
    },
    block(): void {
      blocked = true;
      tell("blocked");
    },
    unblock(): void {
      blocked = false;
      tell("unblocked");
    },
    nackNext: (count: number, topicPattern = "#") => void refusals.push({ pattern: topicPattern, left: count }),
    holdConfirms(): void {
      heldAnswers ??= [];
    },
    releaseConfirms(): void {
      const answers = heldAnswers ?? [];
      heldAnswers = null;
      for (const deliver of answers) deliver();
    },
    dropConfirms(count: number): void {
      answersToDrop += count;
    },
  });
}

function newQueue(): MemoryQueue {
  return { patterns: new Set(), messages: [], deliveries: new DeliveryQueue(), listeners: new Set() };
}

/** In a turn of its own, so that what a listener throws cannot end in the publisher. */
function notifyLater(queue: MemoryQueue, listener: (message: OutgoingMessage) => void, message: OutgoingMessage): void {
  queueMicrotask(() => {
    if (queue.listeners.has(listener)) listener(message);
  });
}

/** The broker keeps what the message was when it was sent. */
function copyOf(message: OutgoingMessage): OutgoingMessage {
  return Object.freeze({
    ...message,
    body: Uint8Array.from(message.body),
    headers: Object.freeze({ ...message.headers }),
  });
}

function receivedAs({ id, partitionKey: _notSent, ...sent }: OutgoingMessage): MemoryMessage {
  return Object.freeze({ ...sent, messageId: id, contentEncoding: null });
}

function rawMessage({ body = new Uint8Array(), headers = {}, ...given }: Partial<MemoryMessage>): MemoryMessage {
  return Object.freeze({
    messageId: null,
    topic: "",
    type: null,
    contentType: null,
    contentEncoding: null,
    correlationId: null,
    timestamp: null,
    ...given,
    body: Uint8Array.from(body),
    headers: Object.freeze({ ...headers }),
  });
}
