import { OmniBoxError } from "../errors/omni-box-error.js";
import type { BaseEvent } from "../events/outbox-event.js";
import { withinTime } from "../internal/within-time.js";
import type { Clock } from "../protocols/clock.js";
import { blankRecord, type EventRecord } from "./memory-event-record.js";
import type { OpenTransaction } from "./memory-transaction.js";

/** What a repository changes of a stored event. */
export type EventChanges = Partial<
  Pick<
    BaseEvent,
    | "status"
    | "attemptsMade"
    | "startedAttempts"
    | "lastError"
    | "scheduledAt"
    | "nextAttemptAt"
    | "completedAt"
    | "lease"
  >
>;

/** How long a statement waits for the locks of other transactions. */
export interface LockPatience {
  readonly clock: Clock;
  readonly timeoutMs: number;
}

interface Lock<E> {
  readonly holder: OpenTransaction;
  /** The event that the holder inserted under this name; `null` when it only locks a stored one. */
  readonly inserted: E | null;
}

/** Events with a database's rules for transactions, locks and unique values. Stored events are frozen, a change replaces them. */
export class MemoryEventStore<E extends BaseEvent> {
  private readonly committed = new Map<bigint, E>();
  private readonly committedNames = new Map<string, bigint>();
  private readonly records = new Map<bigint, EventRecord>();
  private readonly locks = new Map<string, Lock<E>>();
  private readonly openWriters = new Map<OpenTransaction, string>();
  private lastSeq = 0n;

  /** @param uniqueNames - the names of an event that no other may have, its `idName` among them */
  constructor(
    private readonly uniqueNames: (event: E) => readonly string[],
    private readonly patience: LockPatience | null = null,
  ) {}

  /** Committed events in `seq` order; a transaction that commits late may add one below others. */
  events(): E[] {
    return [...this.committed.values()].sort(bySeq);
  }

  /** Those of them that are to be worked on, in `seq` order. */
  pending(): E[] {
    return [...this.committed.values()].filter(({ status }) => status === "pending").sort(bySeq);
  }

  /** Open transactions that have inserted events: an id of each. */
  writers(): string[] {
    return [...this.openWriters.values()];
  }

  event(seq: bigint): E | undefined {
    return this.committed.get(seq);
  }

  eventById(id: string): E | undefined {
    const seq = this.committedNames.get(idName(id));
    return seq === undefined ? undefined : this.committed.get(seq);
  }

  nextSeq(): bigint {
    this.lastSeq += 1n;
    return this.lastSeq;
  }

  update(event: E, changes: EventChanges): E {
    const changed = Object.freeze({ ...event, ...changes });
    this.committed.set(event.seq, changed);
    return changed;
  }

  /** What only an administration reads of a stored event. */
  record(seq: bigint): EventRecord {
    return this.records.get(seq) ?? blankRecord;
  }

  note(seq: bigint, changes: Partial<EventRecord>): void {
    this.records.set(seq, Object.freeze({ ...this.record(seq), ...changes }));
  }

  delete(event: E): void {
    this.committed.delete(event.seq);
    this.records.delete(event.seq);
    for (const name of this.uniqueNames(event)) this.committedNames.delete(name);
  }

  isLocked(name: string): boolean {
    return this.locks.has(name);
  }

  /**
   * Runs `action` in the very turn in which no other transaction holds a lock on any of the names.
   *
   * @param open - the transaction whose statement it is; `null` for a statement by itself
   * @throws {OmniBoxError} STORE.CONFLICT when waiting would never end, or lasts too long; the transaction is then aborted.
   * @throws what `action` throws; likewise.
   */
  async whenFree<Result>(
    names: readonly string[],
    open: OpenTransaction | null,
    action: () => Result,
  ): Promise<Result> {
    open?.requireActive();
    for (let holder = this.holderOf(names, open); holder !== null; holder = this.holderOf(names, open)) {
      await this.waitFor(holder, open);
      open?.requireActive();
    }
    try {
      return action();
    } catch (error) {
      open?.abort();
      throw error;
    }
  }

  /** The event of that name, as the transaction sees it: committed, or its own. */
  find(name: string, open: OpenTransaction): E | undefined {
    const lock = this.locks.get(name);
    if (lock?.holder === open && lock.inserted !== null) return lock.inserted;
    const seq = this.committedNames.get(name);
    return seq === undefined ? undefined : this.committed.get(seq);
  }

  /** Inserts an event whose names are free and not taken. */
  insert(event: E, open: OpenTransaction): void {
    const stored = Object.freeze({ ...event });
    const names = this.uniqueNames(stored);
    for (const name of names) this.lock(name, open, stored);
    if (!this.openWriters.has(open)) this.openWriters.set(open, String(stored.seq));
    open.atRelease(() => this.openWriters.delete(open));
    open.atCommit(() => {
      this.committed.set(stored.seq, stored);
      for (const name of names) this.committedNames.set(name, stored.seq);
    });
  }

  /** Locks a name until the transaction has ended. */
  lock(name: string, holder: OpenTransaction, inserted: E | null = null): void {
    this.locks.set(name, { holder, inserted });
    holder.atRelease(() => this.locks.delete(name));
  }

  private holderOf(names: readonly string[], open: OpenTransaction | null): OpenTransaction | null {
    for (const name of names) {
      const holder = this.locks.get(name)?.holder;
      if (holder !== undefined && holder !== open) return holder;
    }
    return null;
  }

  private async waitFor(holder: OpenTransaction, open: OpenTransaction | null): Promise<void> {
    for (let other: OpenTransaction | null = holder; other !== null; other = other.waitsFor) {
      if (other === open) throw conflict(open, "two transactions wait for each other's events: run this one again");
    }
    const ends = open === null ? [holder.released] : [holder.released, open.released];
    if (open !== null) open.waitsFor = holder;
    try {
      await this.inTime(Promise.race(ends));
    } catch {
      throw conflict(open, "another transaction holds an event for too long: run this one again later");
    } finally {
      if (open !== null) open.waitsFor = null;
    }
  }

  private async inTime(released: Promise<void>): Promise<void> {
    if (this.patience === null) return released;
    const { clock, timeoutMs } = this.patience;
    return withinTime(released, clock, timeoutMs, () => new Error("still locked"));
  }
}

/** The unique name of an event by its id. */
export function idName(id: string): string {
  return `id ${id}`;
}

/** What is locked when a stored event is changed. */
export function rowName(seq: bigint): string {
  return `row ${seq}`;
}

/** The state of an event that nobody has worked on yet. */
export function newEventState(clock: Clock) {
  return {
    status: "pending",
    attemptsMade: 0,
    startedAttempts: 0,
    lastError: null,
    createdAt: new Date(clock.now()),
    nextAttemptAt: null,
    completedAt: null,
    lease: null,
  } as const;
}

/** Sorts by `seq`, lowest first. */
export function bySeq(a: BaseEvent, b: BaseEvent): number {
  return a.seq < b.seq ? -1 : 1;
}

function conflict(open: OpenTransaction | null, message: string): OmniBoxError {
  open?.abort();
  return new OmniBoxError("STORE.CONFLICT", message);
}
