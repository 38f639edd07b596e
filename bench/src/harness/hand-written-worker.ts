import { createHandWrittenRelay } from "../../hand-written/relay.js";
import { amqpUrl, databaseUrl } from "./services.js";
import type { RunningWorker } from "./worker-process.js";
import type { WorkerSettings } from "./workers.js";

/** The loop that the relay is measured against. */
export async function runHandWritten({ lane, isOrdered, index, count }: WorkerSettings): Promise<RunningWorker> {
  const relay = await createHandWrittenRelay({
    databaseUrl,
    amqpUrl,
    table: `"${lane}".outbox_event`,
    exchange: lane,
    isOrdered,
    share: { index, count },
  });
  void relay.run().catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
  return relay;
}
