import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const bin = fileURLToPath(new URL("../dist/bin.js", import.meta.url));

/** What a run of the built command line came to. */
export interface CliRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run that goes on. */
export interface CliProcess {
  readonly process: ChildProcess;
  /** What it has written so far, both streams together. */
  output(): string;
  /** Resolves when it has written `text`; rejects when it ends before. */
  written(text: string | RegExp): Promise<void>;
  readonly ended: Promise<CliRun>;
}

/** Where and with which variables it runs. Nothing of the tests' own environment is passed on but the path. */
export interface CliSurroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Starts the built command line in a process of its own. */
export function startCli(args: readonly string[], { env = {}, cwd }: CliSurroundings = {}): CliProcess {
  const process = spawn(globalThis.process.execPath, ["--no-warnings", bin, ...args], {
    env: { PATH: globalThis.process.env.PATH, ...env },
    ...(cwd !== undefined && { cwd }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  return watch(process);
}

/** Follows a process that writes to two pipes. */
export function watch(process: ChildProcess): CliProcess {
  let stdout = "";
  let stderr = "";
  let both = "";
  const listeners = new Set<() => void>();
  const read = (keep: (text: string) => void) => (chunk: Buffer) => {
    const text = chunk.toString();
    keep(text);
    both += text;
    for (const listener of listeners) listener();
  };
  process.stdout?.on(
    "data",
    read((text) => (stdout += text)),
  );
  process.stderr?.on(
    "data",
    read((text) => (stderr += text)),
  );
  const ended = once(process, "close").then(([exitCode]) => ({ exitCode: exitCode as number | null, stdout, stderr }));
  return {
    process,
    output: () => both,
    written: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (typeof text === "string" ? !both.includes(text) : !text.test(both)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`it ended without writing ${text}:\n${both}`)));
      }),
    ended,
  };
}

/** Runs the built command line to its end. */
export function runCliProcess(args: readonly string[], surroundings: CliSurroundings = {}): Promise<CliRun> {
  return startCli(args, surroundings).ended;
}
