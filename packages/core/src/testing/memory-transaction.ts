import { OmniBoxError } from "../errors/omni-box-error.js";

/** A transaction of an in-memory repository, as handlers and tests get it. One transaction serves all in-memory repositories. */
export interface MemoryTransaction {
  readonly kind: "memory-transaction";

  /**
   * Runs `effect` when the transaction commits, and never if it rolls back: what an application writes through it. Must not throw.
   *
   * @throws {OmniBoxError} STORE.TRANSACTION_FAILED when a statement had failed, or the transaction has ended.
   */
  onCommit(effect: () => void): void;

  /**
   * A statement that fails: rejects with `error`, and the transaction can no more commit, whatever its owner does about that.
   *
   * @throws the given error.
   */
  fail(error?: unknown): Promise<never>;
}

const openTransactions = new WeakMap<object, OpenTransaction>();

/** The state of a transaction that a repository was given; `null` for anything else. */
export function openTransactionOf(given: object): OpenTransaction | null {
  return openTransactions.get(given) ?? null;
}

/** What one transaction has done so far; invisible to others until it commits. */
export class OpenTransaction {
  readonly tx: MemoryTransaction;
  status: "active" | "aborted" | "ended" = "active";
  waitsFor: OpenTransaction | null = null;
  /** Resolves when nobody needs to wait for this transaction any more. */
  readonly released: Promise<void>;
  private signalRelease: () => void = () => undefined;
  private readonly commitActions: (() => void)[] = [];
  private readonly releaseActions: (() => void)[] = [];

  constructor() {
    this.released = new Promise((resolve) => {
      this.signalRelease = resolve;
    });
    this.tx = Object.freeze<MemoryTransaction>({
      kind: "memory-transaction",
      onCommit: (effect) => this.atCommit(effect),
      fail: async (error: unknown = new Error("the statement failed")) => {
        this.requireActive();
        this.abort();
        throw error;
      },
    });
    openTransactions.set(this.tx, this);
  }

  /** @throws {OmniBoxError} STORE.TRANSACTION_FAILED unless statements can be run. */
  requireActive(): void {
    if (this.status === "active") return;
    const why = this.status === "ended" ? "it has ended already" : "an earlier statement in it failed";
    throw new OmniBoxError("STORE.TRANSACTION_FAILED", `the transaction cannot be used: ${why}`);
  }

  atCommit(action: () => void): void {
    this.requireActive();
    this.commitActions.push(action);
  }

  /** What gives back a lock, whether the transaction commits or not. */
  atRelease(action: () => void): void {
    this.releaseActions.push(action);
  }

  commit(): void {
    this.requireActive();
    for (const action of this.commitActions) action();
    this.release("ended");
  }

  /** A statement failed. As in PostgreSQL the locks are let go of at once, before the owner rolls back. */
  abort(): void {
    this.release("aborted");
  }

  /** Does nothing after a commit. */
  rollback(): void {
    if (this.status !== "ended") this.release("ended");
  }

  private release(status: "aborted" | "ended"): void {
    this.status = status;
    for (const action of this.releaseActions.splice(0)) action();
    this.signalRelease();
  }
}
