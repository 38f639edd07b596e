import { OmniBoxError } from "../errors/omni-box-error.js";
import type { OutboxEventDraft } from "../events/outbox-event-draft.js";
import { partitionBucket } from "../events/partition-bucket.js";
import type { Clock } from "../protocols/clock.js";
import type { AddedEvent } from "../protocols/outbox-event-repository.js";
import { createRow, type MemoryEventRow } from "./memory-event-row.js";

/** What one transaction has done so far; invisible to others until it commits. */
export class MemoryTransactionState {
  readonly inserted: MemoryEventRow[] = [];
  /** Unique names that nobody else may insert until this transaction has ended. */
  readonly reserved = new Set<string>();
  status: "active" | "aborted" | "ended" = "active";
  waitsFor: MemoryTransactionState | null = null;
  /** Resolves when nobody needs to wait for this transaction any more. */
  readonly ended: Promise<void>;
  private signalEnd: () => void = () => undefined;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.signalEnd = resolve;
    });
  }

  end(status: "aborted" | "ended"): void {
    this.status = status;
    this.signalEnd();
  }
}

/** Rows with a database's rules for transactions and unique values. */
export class MemoryEventStore {
  private readonly committed = new Map<bigint, MemoryEventRow>();
  private readonly committedNames = new Map<string, bigint>();
  private readonly reservations = new Map<string, MemoryTransactionState>();
  private lastSeq = 0n;

  constructor(
    private readonly clock: Clock,
    private readonly bucketCount: number,
  ) {}

  /** Committed rows in `seq` order; a transaction that commits late may add one below others. */
  rows(): MemoryEventRow[] {
    return [...this.committed.values()].sort((a, b) => (a.seq < b.seq ? -1 : 1));
  }

  row(seq: bigint): MemoryEventRow | undefined {
    return this.committed.get(seq);
  }

  rowById(id: string): MemoryEventRow | undefined {
    const seq = this.committedNames.get(idName(id));
    return seq === undefined ? undefined : this.committed.get(seq);
  }

  delete(row: MemoryEventRow): void {
    this.committed.delete(row.seq);
    for (const name of uniqueNames(row)) this.committedNames.delete(name);
  }

  /** Like `INSERT … ON CONFLICT DO NOTHING`: waits for transactions that hold one of the unique names. */
  async insert(state: MemoryTransactionState, drafts: readonly OutboxEventDraft[]): Promise<AddedEvent[]> {
    requireActive(state);
    const added: AddedEvent[] = [];
    for (const draft of drafts) {
      const names = uniqueNames(draft);
      for (let holder = this.holderOf(names, state); holder !== null; holder = this.holderOf(names, state)) {
        await this.waitFor(holder, state);
        requireActive(state);
      }
      added.push(this.insertOne(state, draft, names));
    }
    return added;
  }

  commit(state: MemoryTransactionState): void {
    requireActive(state);
    for (const row of state.inserted) {
      this.committed.set(row.seq, row);
      for (const name of uniqueNames(row)) this.committedNames.set(name, row.seq);
    }
    this.release(state, "ended");
  }

  rollback(state: MemoryTransactionState): void {
    this.release(state, "ended");
  }

  private insertOne(state: MemoryTransactionState, draft: OutboxEventDraft, names: readonly string[]): AddedEvent {
    const taken = names.some((name) => this.committedNames.has(name) || state.reserved.has(name));
    if (taken) return { id: draft.id, seq: null, duplicate: true };
    for (const name of names) {
      state.reserved.add(name);
      this.reservations.set(name, state);
    }
    this.lastSeq += 1n;
    const bucket = partitionBucket(draft.partitionKey, this.bucketCount);
    state.inserted.push(createRow(draft, { seq: this.lastSeq, bucket, nowMs: this.clock.now() }));
    return { id: draft.id, seq: this.lastSeq, duplicate: false };
  }

  private holderOf(names: readonly string[], state: MemoryTransactionState): MemoryTransactionState | null {
    const holders = names.map((name) => this.reservations.get(name));
    return holders.find((holder) => holder !== undefined && holder !== state) ?? null;
  }

  private async waitFor(holder: MemoryTransactionState, state: MemoryTransactionState): Promise<void> {
    for (let other: MemoryTransactionState | null = holder; other !== null; other = other.waitsFor) {
      if (other !== state) continue;
      // As in PostgreSQL the failed transaction lets go of its locks at once, before its owner rolls it back.
      this.release(state, "aborted");
      throw new OmniBoxError("STORE.CONFLICT", "two transactions wait for each other's events: run this one again");
    }
    state.waitsFor = holder;
    await holder.ended;
    state.waitsFor = null;
  }

  private release(state: MemoryTransactionState, status: "aborted" | "ended"): void {
    for (const name of state.reserved) this.reservations.delete(name);
    state.reserved.clear();
    state.end(status);
  }
}

function requireActive(state: MemoryTransactionState): void {
  if (state.status === "active") return;
  const why = state.status === "ended" ? "it has ended already" : "an earlier statement in it failed";
  throw new OmniBoxError("STORE.TRANSACTION_FAILED", `the transaction cannot be used: ${why}`);
}

function uniqueNames({ id, idempotencyKey }: Pick<OutboxEventDraft, "id" | "idempotencyKey">): string[] {
  return idempotencyKey === null ? [idName(id)] : [idName(id), `idempotency key ${idempotencyKey}`];
}

function idName(id: string): string {
  return `id ${id}`;
}
