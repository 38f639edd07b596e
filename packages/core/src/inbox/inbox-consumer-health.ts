import { defaults } from "../defaults.js";
import type { WorkerHealth, WorkerState } from "../processor/worker-state.js";
import type { ConsumerHealth } from "../protocols/event-consumer.js";
import type { InboxProcessorHealth } from "./create-inbox-processor.js";
import type { InboxConsumerRun } from "./inbox-consumer-run.js";

/** Whether an inbox consumer does its work, for a health endpoint. */
export interface InboxConsumerHealth extends WorkerHealth {
  /** Messages delivered and not settled. */
  readonly inHand: number;
  /** As its processor's health says it; there only when that owns buckets. */
  readonly blockedKeys?: number;
  readonly ownedBuckets?: number;
}

/** What an inbox consumer's health is read from. */
export interface InboxConsumerHealthParts {
  readonly state: WorkerState;
  readonly run: InboxConsumerRun | null;
  /** What the steps say is wrong. */
  readonly steps: readonly string[];
  readonly consumer: ConsumerHealth;
  /** `null`: no processor runs with it. */
  readonly processor: InboxProcessorHealth | null;
  readonly handlerTimeoutMs: number;
}

/** Reads the health of an inbox consumer; `unhealthy` unless it runs, gets messages and its transactions end. */
export function inboxConsumerHealth(parts: InboxConsumerHealthParts): InboxConsumerHealth {
  const { state, run, steps, consumer, processor, handlerTimeoutMs } = parts;
  if (run === null || state !== "running")
    return { status: "unhealthy", state, reasons: [`the inbox consumer is ${state}`], inHand: run?.inHand ?? 0 };
  const reasons = [...consumer.reasons, ...steps];
  if (run.gate.failure !== null) reasons.push(`the database does not answer: ${run.gate.failure.message}`);
  // The processor watches the same database, and has the same steps.
  for (const reason of processor?.reasons ?? []) if (!reasons.includes(reason)) reasons.push(reason);
  const openMs = run.longestTransactionMs();
  const isStalled = openMs > handlerTimeoutMs + defaults.stallAfterMs;
  if (isStalled) reasons.push(`a transaction has been open for ${Math.round(openMs / 1_000)} s`);
  const heldMs = run.oldestInHandMs();
  if (heldMs > handlerTimeoutMs * 3 + defaults.inHandMarginMs)
    reasons.push(
      `a message has been in hand for ${Math.round(heldMs / 1_000)} s: a step hangs, or more wait than are handled`,
    );
  if (run.unstorable > 0)
    reasons.push(`the store refuses messages in every form, and they stay in hand: ${run.unstorable}`);
  const isUnhealthy = isStalled || consumer.status === "unhealthy" || processor?.status === "unhealthy";
  const status = isUnhealthy ? "unhealthy" : reasons.length === 0 ? "healthy" : "degraded";
  const health = { status, state, reasons, inHand: run.inHand } as const;
  if (processor?.blockedKeys === undefined || processor.ownedBuckets === undefined) return health;
  return { ...health, blockedKeys: processor.blockedKeys, ownedBuckets: processor.ownedBuckets };
}
