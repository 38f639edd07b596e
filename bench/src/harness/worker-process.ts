import { runGraphileWorker } from "../peers/graphile-worker.js";
import { runHandWritten } from "./hand-written-worker.js";
import { runOmniBox } from "./omni-box-worker.js";
import type { WorkerAnswer, WorkerRequest, WorkerSettings } from "./workers.js";

/** What runs in a worker process. */
export interface RunningWorker {
  nudge(): void;
  stop(): Promise<void>;
}

const settings: WorkerSettings = JSON.parse(process.argv[2] ?? "{}");
const runs = { omniBox: runOmniBox, handWritten: runHandWritten, graphileWorker: runGraphileWorker };

// The parent decides when it ends, also when the terminal interrupts all of its processes.
process.on("SIGINT", () => undefined);
// Asked for before anything is begun: the parent may be gone before the worker runs.
const parentGone = new Promise<void>((resolve) => process.once("disconnect", resolve));
const worker = await runs[settings.way](settings);
process.on("message", (request: WorkerRequest) => {
  if (request === "nudge") worker.nudge();
  else tellParent({ kind: "memory", bytes: process.memoryUsage.rss() });
});
tellParent({ kind: "running" });
await parentGone;
await worker.stop();
process.exit(0);

function tellParent(message: WorkerAnswer): void {
  if (process.connected) process.send?.(message);
}
