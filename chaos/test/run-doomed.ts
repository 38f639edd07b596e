import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** How a process has ended. */
export interface Ending {
  readonly signal: NodeJS.Signals | null;
  readonly said: readonly string[];
}

/** Starts a script of `chaos/dist` that kills itself, does something `meanwhile` when it says that it runs, and waits for its end. */
export async function runDoomed(
  script: string,
  args: readonly string[],
  meanwhile?: () => Promise<unknown>,
): Promise<Ending> {
  const file = fileURLToPath(new URL(`../dist/${script}`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  let work: Promise<unknown> | undefined;
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (work !== undefined || !output.includes("running\n")) return;
    work = meanwhile?.();
    work?.catch(() => child.kill("SIGTERM"));
  });
  // One that has not come to the point by then never will.
  const tooLate = setTimeout(() => child.kill("SIGTERM"), 30_000);
  await once(child, "close");
  clearTimeout(tooLate);
  await work;
  return { signal: child.signalCode, said: output.split("\n") };
}
