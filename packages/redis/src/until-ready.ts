import type { RedisConnectionLike } from "./redis-client-like.js";

/** Waits for a client that is about to have its connection; rejects with the signal's reason when that is aborted before. */
export type UntilReady = (signal: AbortSignal) => Promise<void>;

/**
 * A client without an offline queue refuses commands until it is ready, as right after it was made. One that has lost its
 * connection is not waited for. All who wait share one listener: each of its own would soon be taken for a leak.
 */
export function createUntilReady(client: RedisConnectionLike): UntilReady {
  let decided: Promise<void> | null = null;

  /** Resolves when there is a connection, and when there is none: then the command itself says why. */
  function untilDecided(): Promise<void> {
    return new Promise((resolve) => {
      const events = ["ready", "close", "end"] as const;
      const finish = () => {
        for (const event of events) client.off(event, finish);
        decided = null;
        resolve();
      };
      for (const event of events) client.on(event, finish);
      // What it rejects with is said by the events too.
      if (client.status === "wait") client.connect().catch(finish);
    });
  }

  return async (signal) => {
    if (!["wait", "connecting", "connect"].includes(client.status)) return;
    decided ??= untilDecided();
    await unlessAborted(decided, signal);
  };
}

function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    void work.then(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
  });
}
