import type { RedisConnectionLike } from "./redis-client-like.js";

/**
 * Waits for a client that is about to have its connection; rejects with the signal's reason when that is aborted before.
 *
 * A client without an offline queue refuses commands until it is ready, as right after it was made. One that has lost its
 * connection is not waited for.
 */
export async function untilReady(client: RedisConnectionLike, signal: AbortSignal): Promise<void> {
  const { status } = client;
  if (status !== "wait" && status !== "connecting" && status !== "connect") return;
  await new Promise<void>((resolve, reject) => {
    const finish = (settle: () => void) => {
      client.off("ready", onReady);
      client.off("close", onReady);
      client.off("end", onReady);
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    // Without a connection the command itself says why.
    const onReady = () => finish(resolve);
    const onAbort = () => finish(() => reject(signal.reason));
    client.on("ready", onReady);
    client.on("close", onReady);
    client.on("end", onReady);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    // What it rejects with is said by the events too.
    if (status === "wait") client.connect().catch(onReady);
  });
}
