import assert from "node:assert/strict";
import type {
  BucketPosition,
  BucketReadRequest,
  BucketRow,
  EventRef,
  OpenWriter,
  OutboxEvent,
  PendingRow,
} from "@omni-box/core";
import type { BucketScenario, Ownership } from "./bucket-scenario.js";

/** From the start of each bucket, with no limit that matters. */
export function from(...buckets: readonly number[]): readonly BucketPosition[] {
  return buckets.map((bucket) => ({ bucket, afterSeq: 0n, limit: 1_000 }));
}

/** A request that asks for everything in `from`; `narrowing` replaces what a case cares about. */
export function requestFor(
  positions: readonly BucketPosition[],
  narrowing: Partial<BucketReadRequest> = {},
): BucketReadRequest {
  return { from: positions, limit: 1_000, exceptSeqs: [], exceptKeys: [], ...narrowing };
}

/** Reads and peeks, checks that both name the same events in the same order, and returns what was read. */
export async function readBothWays(
  { buckets }: BucketScenario,
  request: BucketReadRequest,
): Promise<readonly BucketRow<OutboxEvent>[]> {
  const { rows } = await buckets.read(request);
  const { rows: peeked } = await buckets.peek(request);
  assert.deepEqual(
    peeked.map(({ seq, isDue }) => ({ seq, isDue })),
    rows.map(({ event, isDue }) => ({ seq: event.seq, isDue })),
    "what was peeked at differs from what was read",
  );
  return rows;
}

/** Whom a read of the bucket names as writers, or a peek. */
export async function writersOf(
  { buckets }: BucketScenario,
  how: "read" | "peek" = "read",
  bucket = 0,
): Promise<readonly OpenWriter[]> {
  const { writers } = await buckets[how](requestFor(from(bucket)));
  return writers;
}

/** Those of the writers whose ids are among the others'. */
export function named(writers: readonly OpenWriter[], others: readonly OpenWriter[]): OpenWriter[] {
  return writers.filter(({ id }) => others.some((other) => other.id === id));
}

export function seqsOf(rows: readonly BucketRow<OutboxEvent>[]): bigint[] {
  return rows.map(({ event }) => event.seq);
}

export function seqs(refs: readonly EventRef[]): bigint[] {
  return refs.map(({ seq }) => seq);
}

/** Rows that have failed once and are tried again after `delayMs`; `changes` replaces what a case cares about. */
export function retried(refs: readonly EventRef[], changes: Partial<PendingRow> = {}): PendingRow[] {
  return refs.map(({ id, seq }) => ({
    attemptsMade: 1,
    startedAttempts: 0,
    delayMs: 300_000,
    error: "nacked",
    ...changes,
    id,
    seq,
  }));
}

/** Records under the owner's fence that the rows back off. */
export async function backOff(
  { repository }: BucketScenario,
  { fence }: Ownership,
  refs: readonly EventRef[],
  changes: Partial<PendingRow> = {},
): Promise<void> {
  assert.deepEqual((await repository.recordPending(fence, retried(refs, changes))).missing, []);
}

/** Records under the owner's fence that the rows have failed. */
export async function giveUp(
  { repository }: BucketScenario,
  { fence }: Ownership,
  refs: readonly EventRef[],
): Promise<void> {
  const rows = refs.map(({ id, seq }) => ({ id, seq, attemptsMade: 1, error: "given up" }));
  assert.deepEqual((await repository.recordFailed(fence, rows)).missing, []);
}
