import type { LockClaim, LockStore } from "@omni-box/core";

/** The least that a store of locks is, with the faults that the cases provoke. */
export function createSimpleLockStore() {
  const entries = new Map<string, { readonly token: string; readonly number: number; untilMs: number }>();
  let lastNumber = 0;
  let isDown = false;
  let silence: (() => void)[] | null = null;

  const live = (key: string) => {
    const entry = entries.get(key);
    return entry !== undefined && entry.untilMs > performance.now() ? entry : null;
  };
  const ours = ({ key, token }: LockClaim) => (live(key)?.token === token ? live(key) : null);

  function carryOut<T>(operation: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = () => (isDown ? reject(new Error("down")) : resolve(operation()));
      if (silence === null) run();
      else silence.push(run);
    });
  }

  const store: LockStore = {
    take: (claim) =>
      carryOut(() => {
        if (live(claim.key) !== null) return ours(claim)?.number ?? null;
        lastNumber += 1;
        entries.set(claim.key, { token: claim.token, number: lastNumber, untilMs: performance.now() + claim.ttlMs });
        return lastNumber;
      }),
    extend: (claim) =>
      carryOut(() => {
        const entry = ours(claim);
        if (entry !== null) entry.untilMs = performance.now() + claim.ttlMs;
        return entry !== null;
      }),
    release: (claim) => carryOut(() => void (ours(claim) !== null && entries.delete(claim.key))),
  };
  return {
    store,
    forget: async () => entries.clear(),
    goDown: async () => {
      isDown = true;
    },
    comeBack: async () => {
      isDown = false;
    },
    fallSilent: async () => {
      silence = [];
    },
    answerAgain: async () => {
      const waiting = silence ?? [];
      silence = null;
      for (const run of waiting) run();
    },
  };
}
