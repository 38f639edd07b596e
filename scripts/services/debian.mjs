// @ts-check
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { runCommand } from "../run-command.mjs";

const policyFile = "/usr/sbin/policy-rc.d";

/**
 * Installs Debian packages without letting them start their services.
 *
 * @param {string[]} packages
 * @param {string} wanted for the message when they cannot be installed here
 */
export async function installDebianPackages(packages, wanted) {
  const isDebian = existsSync("/etc/debian_version");
  if (packages.length === 0 || !isDebian || process.getuid?.() !== 0) {
    throw new Error(
      `Missing: ${wanted}. Start it with \`docker compose up -d --wait\`, or install it; ` +
        "only on Debian and as root can this script install it itself.",
    );
  }
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const hasPolicy = existsSync(policyFile);
  // A package's script starts its service unless this file's exit code forbids it (Debian's invoke-rc.d).
  if (!hasPolicy) writeFileSync(policyFile, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const updated = await runCommand("apt-get", ["update"], { env });
    if (!updated.ok) throw new Error(`apt-get update failed:\n${updated.output}`);
    const installed = await runCommand("apt-get", ["install", "-y", "--no-install-recommends", ...packages], { env });
    if (!installed.ok) throw new Error(`apt-get install failed:\n${installed.output}`);
  } finally {
    if (!hasPolicy) rmSync(policyFile);
  }
}
