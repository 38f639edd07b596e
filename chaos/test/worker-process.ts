import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A worker in a process of its own. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** Resolves when the worker has written this line, or has ended. */
  said(line: string): Promise<void>;
  /** Whether the process has ended, by whatever. */
  readonly hasEnded: boolean;
  /** Whether a signal has ended it. */
  readonly wasKilled: boolean;
  /** Resolves when it has. */
  readonly ended: Promise<void>;
  /** Stops it in the middle of whatever it does; it notices nothing. */
  pause(): void;
  resume(): void;
  signal(name: NodeJS.Signals): void;
  /** Asks it to stop and waits until it has. */
  stop(): Promise<void>;
  /** Also ends one that is paused. */
  kill(): Promise<void>;
}

/** Starts a script of `chaos/dist`. */
export function startWorkerProcess(script: string, args: readonly string[]): WorkerProcess {
  const file = fileURLToPath(new URL(`../dist/${script}`, import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [file, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit").then(() => undefined);
  let output = "";
  let hasEnded = false;
  const listeners = new Set<() => void>();
  child.stdout?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    for (const listener of [...listeners]) listener();
  });
  void ended.then(() => {
    hasEnded = true;
    for (const listener of [...listeners]) listener();
  });
  const signal = (name: NodeJS.Signals): void => {
    child.kill(name);
  };
  return {
    pid: child.pid,
    get hasEnded() {
      return hasEnded;
    },
    get wasKilled() {
      return child.signalCode !== null;
    },
    ended,
    said: (line) =>
      new Promise((resolve) => {
        const check = () => {
          if (!hasEnded && !output.split("\n").includes(line)) return;
          listeners.delete(check);
          resolve();
        };
        listeners.add(check);
        check();
      }),
    pause: () => signal("SIGSTOP"),
    resume: () => signal("SIGCONT"),
    signal,
    async stop() {
      signal("SIGTERM");
      await ended;
    },
    async kill() {
      signal("SIGKILL");
      await ended;
    },
  };
}
