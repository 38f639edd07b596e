import type { LockStore } from "@omni-box/core";

/** A store with one fault, under the lock that core makes of stores. */
export interface StoreMutant {
  readonly fault: string;
  readonly killedBy: string;
  readonly wrap: (store: LockStore) => LockStore;
}

const neverAborted = new AbortController().signal;

export const storeMutants: readonly StoreMutant[] = [
  {
    fault: "a lock is never extended, and its holder is told that it is",
    killedBy: "lock.hold.extended",
    wrap: (store) => ({ ...store, extend: async () => true }),
  },
  {
    fault: "a lock never runs out",
    killedBy: "lock.hold.runs-out",
    wrap: (store) => ({ ...store, take: (claim, signal) => store.take({ ...claim, ttlMs: 600_000 }, signal) }),
  },
  {
    fault: "a lock runs out too early",
    killedBy: "lock.hold.runs-out",
    wrap: (store) => ({ ...store, take: (claim, signal) => store.take({ ...claim, ttlMs: 300 }, signal) }),
  },
  {
    fault: "a release does not look whose lock it is",
    killedBy: "lock.hold.release-is-ours",
    wrap: (store) => {
      const tokens = new Map<string, string>();
      return {
        ...store,
        async take(claim, signal) {
          const taken = await store.take(claim, signal);
          if (taken !== null) tokens.set(claim.key, claim.token);
          return taken;
        },
        release: (claim, signal) => store.release({ ...claim, token: tokens.get(claim.key) ?? claim.token }, signal),
      };
    },
  },
  {
    fault: "an extension does not look whose lock it is",
    killedBy: "lock.loss.forgotten-and-taken",
    wrap: (store) => ({ ...store, extend: async (claim, signal) => (await store.extend(claim, signal)) || true }),
  },
  {
    fault: "a store that says nothing of an outage",
    killedBy: "lock.outage.acquire",
    wrap: (store) => ({ ...store, take: (claim, signal) => store.take(claim, signal).catch(() => null) }),
  },
  {
    fault: "an extension without an answer is taken for a loss",
    killedBy: "lock.outage.short",
    wrap: (store) => ({ ...store, extend: (claim, signal) => store.extend(claim, signal).catch(() => false) }),
  },
  {
    fault: "a store that never says that it does not answer",
    killedBy: "lock.outage.silence",
    wrap: (store) => ({
      ...store,
      take: (claim) =>
        Promise.race([
          store.take(claim, neverAborted),
          new Promise<null>((resolve) => setTimeout(() => resolve(null), 300)),
        ]),
    }),
  },
  {
    fault: "a release overtakes what was asked before it",
    killedBy: "lock.outage.ghost",
    wrap: (store) => {
      let isSilent = false;
      return {
        ...store,
        take: (claim, signal) => {
          isSilent = claim.ttlMs === 600_000;
          return store.take(claim, signal);
        },
        release: async (claim, signal) => (isSilent ? undefined : store.release(claim, signal)),
      };
    },
  },
];
