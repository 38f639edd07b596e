import { setMaxListeners } from "node:events";
import { defaults } from "../defaults.js";
import { describeFailure } from "../errors/describe-failure.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { createPause } from "../internal/pause.js";
import { aborted } from "../internal/wait-or-abort.js";
import { createFailureNotices } from "../processor/failure-notices.js";
import type { AckHandle, ConsumedMessage } from "../protocols/event-consumer.js";
import { decodeMessage } from "./decode-message.js";
import type { InboxConsumerCounters } from "./inbox-consumer-counters.js";
import { Delivery } from "./inbox-consumer-delivery.js";
import { createMessagesInHand } from "./inbox-consumer-hand.js";
import { createReportDelivery } from "./inbox-consumer-report.js";
import { createDeliveryStrategy } from "./inbox-consumer-strategy.js";
import type { ResolvedInboxConsumerOptions } from "./inbox-consumer-validation.js";
import { type Verdict, withdrawn } from "./inbox-consumer-verdict.js";
import { createKeyLanes } from "./key-lanes.js";
import { createStoreGate, type StoreGate } from "./store-gate.js";
import { createStoreMessage } from "./store-message.js";
import { createStoreUndecodable } from "./store-undecodable.js";
import { createStoreWriter } from "./store-writer.js";

/** What a run works with. */
export interface InboxConsumerRunParts<Tx, Dependencies> {
  readonly options: ResolvedInboxConsumerOptions<Tx, Dependencies>;
  readonly counters: InboxConsumerCounters;
  readonly workerId: string;
  /** Called when the processor has something to do at once. */
  readonly nudgeProcessor: () => void;
}

/** One run of an inbox consumer, from `start()` to `stop()`. */
export interface InboxConsumerRun {
  readonly gate: StoreGate;
  readonly inHand: number;
  /** For how long the oldest message has been in hand. */
  oldestInHandMs(): number;
  /** Messages in hand that the store refuses in every form. */
  readonly unstorable: number;
  /** For how long the oldest open transaction has been open. */
  longestTransactionMs(): number;
  receive(message: ConsumedMessage, handle: AckHandle): void;
  /** Resolves when nothing is in hand. */
  idle(): Promise<void>;
  /** @returns how many messages were given up in work when the time ran out */
  end(timeoutMs: number): Promise<number>;
}

export function createInboxConsumerRun<Tx, Dependencies>(
  parts: InboxConsumerRunParts<Tx, Dependencies>,
): InboxConsumerRun {
  const { options, counters, workerId, nudgeProcessor } = parts;
  const { repository, consumer, ackMoment, ordering, batchSize, messageMaxBytes, clock, logger } = options;
  const stopping = new AbortController();
  const abandoning = new AbortController();
  // Each transaction at work listens to them; Node.js would take more than ten listeners for a leak.
  setMaxListeners(0, stopping.signal, abandoning.signal);
  const signals = { stopping: stopping.signal, abandon: abandoning.signal };
  const gate = createStoreGate(clock, logger);
  const lanes = createKeyLanes();
  const inHand = createMessagesInHand(clock);
  const notices = createFailureNotices<InboxEvent>(options, logger);
  const report = createReportDelivery({ onResult: options.onResult, counters, notices, clock, logger });
  const onlyStores = ackMoment === "onPersist";
  const writer = createStoreWriter({
    repository,
    gate,
    counters,
    clock,
    logger,
    abandon: abandoning.signal,
    batchSize: onlyStores ? batchSize : defaults.storeBatchSize,
    inOrder: onlyStores && ordering === "perKey",
    deadLetters: consumer.capabilities.deadLetters,
  });
  const store = createStoreMessage(writer, nudgeProcessor);
  const storeUndecodable = createStoreUndecodable(store, consumer.capabilities, messageMaxBytes);
  const { strategy, longestTransactionMs } = createDeliveryStrategy({
    options,
    gate,
    counters,
    store,
    signals,
    workerId,
  });
  let abandoned = 0;

  function receive(message: ConsumedMessage, handle: AckHandle): void {
    counters.add("received");
    const decoded = decodeMessage(message, options);
    const { messageId } = decoded.draft;
    const attemptsMade = strategy.attemptsMade(messageId);
    const delivery = new Delivery(message, handle, decoded, new Date(clock.now()), attemptsMade);
    inHand.add(delivery);
    void inItsLane(delivery).catch((error: unknown) => {
      // Only a bug comes here. The message goes back, and is a suspect when it does so again and again.
      logger.error({ ...describeFailure(error), messageId }, "an inbox consumer could not deal with a message");
      settle(delivery, withdrawn(delivery));
    });
  }

  /**
   * One message after the other of a key; else of an id, since a repetition would only wait for the first one's transaction.
   * A writer in order needs no lanes.
   */
  async function inItsLane(delivery: Delivery): Promise<void> {
    const { messageId, partitionKey } = delivery.draft;
    if (onlyStores) return settle(delivery, await verdictOn(delivery));
    const lane = ordering === "perKey" ? partitionKey : messageId;
    if (!(await lanes.enter(lane, delivery))) return settle(delivery, withdrawn(delivery));
    try {
      settle(delivery, await verdictOn(delivery));
    } finally {
      lanes.leave(lane);
    }
  }

  async function verdictOn(delivery: Delivery): Promise<Verdict> {
    if (delivery.isLost || stopping.signal.aborted) return withdrawn(delivery);
    const { undecodable } = delivery;
    return undecodable === null ? strategy.handle(delivery) : storeUndecodable(delivery, undecodable);
  }

  function settle(delivery: Delivery, verdict: Verdict): void {
    if (!inHand.remove(delivery)) return;
    delivery[verdict.settle]();
    if (abandoning.signal.aborted && !delivery.isForgotten && !delivery.isLost) abandoned += 1;
    report(delivery, verdict);
  }

  async function timeUp(): Promise<void> {
    await aborted(abandoning.signal);
    // For transactions that are being rolled back, and statements under way.
    const pause = createPause(clock);
    await Promise.race([inHand.empty(), pause.wait(defaults.stopRecordMs)]);
    pause.wake();
  }

  return {
    gate,
    get inHand() {
      return inHand.size;
    },
    oldestInHandMs: () => inHand.oldestMs(),
    get unstorable() {
      return writer.unstorable;
    },
    longestTransactionMs,
    receive,
    idle: () => inHand.empty(),
    async end(timeoutMs) {
      stopping.abort();
      lanes.withdrawAll();
      const cancel = clock.schedule(timeoutMs, () => abandoning.abort());
      await Promise.race([inHand.empty(), timeUp()]);
      cancel();
      return abandoned + inHand.size;
    },
  };
}
