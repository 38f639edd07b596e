import { createMemoryOutboxRepository, type MemoryOutboxRepository } from "../src/testing/memory-outbox-repository.js";

/** The methods that talk to the store. */
export type StoreMethod =
  | "add"
  | "verify"
  | "findById"
  | "findDue"
  | "claim"
  | "lock"
  | "extendLease"
  | "forceUnlock"
  | "recordCompleted"
  | "recordPending"
  | "recordFailed";

const storeMethods: readonly StoreMethod[] = [
  "add",
  "verify",
  "findById",
  "findDue",
  "claim",
  "lock",
  "extendLease",
  "forceUnlock",
  "recordCompleted",
  "recordPending",
  "recordFailed",
];

/** One call of a store method: a statement. */
export interface StoreCall {
  readonly method: StoreMethod;
  readonly args: readonly unknown[];
}

/** What is to happen to a call instead of just being carried out. */
export type Fault = (carryOut: () => Promise<unknown>, args: readonly unknown[]) => Promise<unknown>;

/** The in-memory repository, with its calls written down and faults on request. */
export interface ObservedRepository extends MemoryOutboxRepository {
  readonly calls: readonly StoreCall[];
  /** The calls made so far, by name only. */
  readonly statements: readonly StoreMethod[];
  forgetCalls(): void;
  /** Lets a fault happen to the next call of the method; faults of one method are used up in order. */
  onNext(method: StoreMethod, fault: Fault): void;
  /** Lets the next `times` calls of the method fail without having done anything. */
  failNext(method: StoreMethod, error: unknown, times?: number): void;
  /** Lets the next call of the method do its work and fail nevertheless, as when the answer is lost. */
  loseAnswerOfNext(method: StoreMethod, error: unknown): void;
}

/** Wraps a new in-memory repository, or the given one. */
export function observeRepository(
  repository: MemoryOutboxRepository = createMemoryOutboxRepository(),
): ObservedRepository {
  const calls: StoreCall[] = [];
  const faults: { readonly method: StoreMethod; readonly fault: Fault }[] = [];

  function observed(method: StoreMethod): (...args: unknown[]) => Promise<unknown> {
    return (...args) => {
      calls.push({ method, args });
      const carryOut = () => (repository[method] as (...args: unknown[]) => Promise<unknown>)(...args);
      const index = faults.findIndex((planned) => planned.method === method);
      const [planned] = index < 0 ? [] : faults.splice(index, 1);
      return planned === undefined ? carryOut() : planned.fault(carryOut, args);
    };
  }

  const onNext = (method: StoreMethod, fault: Fault) => void faults.push({ method, fault });
  const methods = Object.fromEntries(storeMethods.map((method) => [method, observed(method)]));
  return {
    ...repository,
    ...(methods as unknown as Pick<MemoryOutboxRepository, StoreMethod>),
    calls,
    get statements() {
      return calls.map(({ method }) => method);
    },
    forgetCalls: () => void calls.splice(0),
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
  };
}
