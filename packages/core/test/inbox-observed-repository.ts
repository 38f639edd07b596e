import type { InboxEventRepository, InboxTransaction } from "../src/protocols/inbox-event-repository.js";
import type { MemoryInboxRepository } from "../src/testing/memory-inbox-repository.js";
import type { MemoryTransaction } from "../src/testing/memory-transaction.js";

/** The calls that talk to the store, and can be made to fail. */
export type InboxStoreMethod = "verify" | "store" | "transaction" | "insertCompleted" | "claim";

/** What is to happen to a call instead of just being carried out. */
export type InboxFault = (carryOut: () => Promise<unknown>) => Promise<unknown>;

/** The in-memory inbox, with its calls written down and faults on request. */
export interface ObservedInbox extends InboxEventRepository<MemoryTransaction>, Pick<MemoryInboxRepository, "all"> {
  readonly calls: readonly InboxStoreMethod[];
  /** How many messages each call of `store` and `insertCompleted` was given. */
  readonly rowsPerCall: readonly number[];
  forgetCalls(): void;
  /** Lets a fault happen to the next call of the method; faults of one method are used up in order. */
  onNext(method: InboxStoreMethod, fault: InboxFault): void;
  /** Lets the next `times` calls of the method fail without having done anything. */
  failNext(method: InboxStoreMethod, error: unknown, times?: number): void;
  /** Lets the next call of the method do its work and fail nevertheless, as when the answer is lost. */
  loseAnswerOfNext(method: InboxStoreMethod, error: unknown): void;
  /** Lets every call of the methods fail until the returned function is called. */
  breakDown(error: unknown, ...methods: readonly InboxStoreMethod[]): () => void;
}

/** Wraps an in-memory repository. */
export function observeInbox(repository: MemoryInboxRepository): ObservedInbox {
  const calls: InboxStoreMethod[] = [];
  const rowsPerCall: number[] = [];
  const faults: { readonly method: InboxStoreMethod; readonly fault: InboxFault }[] = [];
  const broken = new Map<InboxStoreMethod, unknown>();

  async function observed<Result>(method: InboxStoreMethod, carryOut: () => Promise<Result>): Promise<Result> {
    calls.push(method);
    if (broken.has(method)) throw broken.get(method);
    const index = faults.findIndex((planned) => planned.method === method);
    const [planned] = index < 0 ? [] : faults.splice(index, 1);
    return planned === undefined ? carryOut() : ((await planned.fault(carryOut)) as Result);
  }

  function observedTransaction(tx: InboxTransaction<MemoryTransaction>): InboxTransaction<MemoryTransaction> {
    return {
      ...tx,
      insertCompleted: (drafts, options) =>
        observed("insertCompleted", () => {
          rowsPerCall.push(drafts.length);
          return tx.insertCompleted(drafts, options);
        }),
    };
  }

  const onNext = (method: InboxStoreMethod, fault: InboxFault) => void faults.push({ method, fault });
  return {
    ...repository,
    verify: (use) => observed("verify", () => repository.verify(use)),
    claim: (request) => observed("claim", () => repository.claim(request)),
    store: (rows) =>
      observed("store", () => {
        rowsPerCall.push(rows.length);
        return repository.store(rows);
      }),
    transaction: (work, options) =>
      observed("transaction", () => repository.transaction((tx) => work(observedTransaction(tx)), options)),
    calls,
    rowsPerCall,
    forgetCalls() {
      calls.splice(0);
      rowsPerCall.splice(0);
    },
    onNext,
    failNext(method, error, times = 1) {
      for (let index = 0; index < times; index += 1) onNext(method, () => Promise.reject(error));
    },
    loseAnswerOfNext(method, error) {
      onNext(method, async (carryOut) => {
        await carryOut();
        throw error;
      });
    },
    breakDown(error, ...methods) {
      for (const method of methods) broken.set(method, error);
      return () => {
        for (const method of methods) broken.delete(method);
      };
    },
  };
}
