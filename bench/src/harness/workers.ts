import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Environment } from "./environment.js";

/** Who moves the events. */
export type Way = "omniBox" | "handWritten" | "graphileWorker";

/** What one worker process is told. */
export interface WorkerSettings {
  readonly way: Way;
  readonly lane: string;
  readonly isOrdered: boolean;
  /** Which of how many processes it is; the hand-written loop divides the buckets by it. */
  readonly index: number;
  readonly count: number;
}

/** What a worker process is asked for. */
export type WorkerRequest = "nudge" | "memory";

/** What a worker process says: that it runs, or how many bytes it takes. */
export interface WorkerAnswer {
  readonly kind: "running" | "memory";
  readonly bytes?: number;
}

/** The processes that move the events of one lane. */
export interface Workers {
  readonly count: number;
  /** Tells them that there is something to do. */
  nudge(): void;
  /** The resident memory of each, in MiB. */
  memoryMib(): Promise<readonly number[]>;
  /** Lets them finish what they have in hand, and end; idempotent. */
  stop(): Promise<void>;
  /** @throws when one of them has ended by itself */
  assertRunning(): void;
}

/** Starts processes and waits until all of them run. They end with the benchmark. */
export async function startWorkers(
  environment: Environment,
  settings: Omit<WorkerSettings, "index" | "count">,
  count = 1,
): Promise<Workers> {
  const file = fileURLToPath(new URL("./worker-process.js", import.meta.url));
  const children = Array.from({ length: count }, (_, index) => {
    const own: WorkerSettings = { ...settings, index, count };
    return fork(file, [JSON.stringify(own)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  });
  const stop = async () => void (await Promise.all(children.map(stopChild)));
  environment.onEnd(stop);
  await Promise.all(children.map((child) => answer(child, "running")));
  return {
    count,
    stop,
    nudge() {
      for (const child of children) child.send("nudge" satisfies WorkerRequest);
    },
    memoryMib: () =>
      Promise.all(
        children.map(async (child) => {
          const answered = answer(child, "memory");
          child.send("memory" satisfies WorkerRequest);
          return Number((await answered).bytes) / 1_048_576;
        }),
      ),
    assertRunning() {
      for (const { exitCode, signalCode } of children) {
        if (exitCode === null && signalCode === null) continue;
        throw new Error(`a worker process of ${settings.way} ended with ${exitCode ?? signalCode}`);
      }
    },
  };
}

async function answer(child: ChildProcess, kind: WorkerAnswer["kind"]): Promise<WorkerAnswer> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: WorkerAnswer) => {
      if (message.kind !== kind) return;
      child.off("message", onMessage).off("exit", onExit);
      resolve(message);
    };
    const onExit = (code: number | null) => reject(new Error(`a worker process ended with ${code}`));
    child.on("message", onMessage).once("exit", onExit);
  });
}

/** A worker stops when its parent lets go of it. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  const kill = setTimeout(() => child.kill("SIGKILL"), 20_000);
  if (child.connected) child.disconnect();
  await ended;
  clearTimeout(kill);
}
