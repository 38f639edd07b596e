import { execFileSync } from "node:child_process";
import { loadavg } from "node:os";

/** Says when a benchmark begins, how busy the machine is, and which commit is measured where that is known. */
export function describeOccasion(): string {
  const [day, time] = new Date().toISOString().split("T");
  const load = loadavg()[0]?.toFixed(1);
  return `Measured on ${day} from ${time?.slice(0, 5)} UTC, with a load average of ${load} before it${ofCommit()}.`;
}

function ofCommit(): string {
  try {
    const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8", stdio: "pipe" }).trim();
    return `, at commit ${commit}`;
  } catch {
    // Not a repository, or there is no git.
    return "";
  }
}
