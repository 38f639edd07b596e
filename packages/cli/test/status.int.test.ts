import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliDatabase, openCliDatabase } from "./open-cli-database.js";
import { runCliHere } from "./run-cli-here.js";
import { runCliProcess, startCli, watch } from "./run-cli-process.js";

let database: CliDatabase;
beforeEach(async () => {
  database = await openCliDatabase();
});
afterEach(() => database.close());

const env = () => ({ DATABASE_URL: database.url });
const run = (...args: string[]) => runCliHere(args, { env: env() });

describe("omni-box status", () => {
  it("counts what waits, what failed and who owns what, of outbox and inbox", async () => {
    await database.add({ aggregateId: "order-1" });
    await database.addFailed("refused", { aggregateId: "order-2" });
    await database.addFailedMessage("shipping", "no such order");
    const buckets = createPrismaOutboxRepository(database.prisma, { schema: database.schema }).buckets;
    await buckets?.acquire({ owner: "relay-1", leaseMs: 600_000, limit: 3, graceMs: 0 });

    const { stdout, exitCode } = await run("status", "--json");
    const { at, outbox, inbox } = JSON.parse(stdout);
    expect(exitCode).toBe(0);
    expect(new Date(at).toISOString()).toBe(at);
    expect(outbox).toMatchObject({ pending: 1, failed: 1, completed: 0, blockedKeys: 1, unownedBuckets: 61 });
    expect(outbox.owners).toMatchObject([{ id: "relay-1", buckets: [0, 1, 2] }]);
    expect(inbox).toMatchObject({ pending: 0, failed: 1 });

    const text = (await run("status")).stdout;
    expect(text).toMatch(/^OUTBOX\npending +1$/m);
    expect(text).toMatch(/^relay-1 +0-2 +\d+ \w+ left$/m);
    expect(text).toMatch(/^INBOX\npending +0$/m);
    expect((await run("status", "--outbox")).stdout).not.toContain("INBOX");
    expect(JSON.parse((await run("status", "--group", "billing", "--json")).stdout)).toMatchObject({
      inbox: { failed: 0 },
    });
  });

  it("looks again and again with --watch until SIGINT, which is no failure", async () => {
    const watching = startCli(["status", "--watch", "--interval", "100ms", "--json", "--outbox"], { env: env() });
    await watching.written('"pending":0');
    await database.add();
    await watching.written('"pending":1');
    watching.process.kill("SIGINT");
    const { exitCode, stdout, stderr } = await watching.ended;
    expect(exitCode).toBe(0);
    expect(stderr).toBe("");
    for (const line of stdout.trimEnd().split("\n")) expect(JSON.parse(line)).toHaveProperty("outbox");
  });
});

describe("the process", () => {
  it("ends quietly when its reader has seen enough", async () => {
    for (let index = 0; index < 3; index += 1) await database.add();
    const bin = fileURLToPath(new URL("../dist/bin.js", import.meta.url));
    const command = `"${process.execPath}" "${bin}" events list --json | head -c 1; exit \${PIPESTATUS[0]}`;
    const { exitCode, stderr } = await watch(spawn("bash", ["-c", command], { env: { ...process.env, ...env() } }))
      .ended;
    expect(exitCode).toBe(0);
    expect(stderr).toBe("");
  });

  it("asks on a terminal, takes Ctrl-C for no, and shows no stack", async () => {
    await database.addFailed("refused");
    const before = await database.contents();
    const bin = fileURLToPath(new URL("../dist/bin.js", import.meta.url));
    // Makes a terminal: https://man7.org/linux/man-pages/man1/script.1.html
    const asked = (answer: string) => {
      const command = `"${process.execPath}" "${bin}" events purge --all`;
      const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
        env: { ...process.env, ...env(), TERM: "xterm" },
      });
      const run = watch(child);
      void run.written("[y/N]").then(
        () => child.stdin.write(answer),
        () => undefined,
      );
      return run.ended;
    };

    const interrupted = await asked("\u0003");
    expect(interrupted.stdout).toContain("nothing was changed, as you wished (CLI.DECLINED)");
    expect(interrupted.exitCode).toBe(1);
    expect((await asked("no\r")).exitCode).toBe(1);
    expect(await database.contents()).toBe(before);

    const accepted = await asked("y\r");
    expect(accepted.stdout).toContain("remove 1 event of the outbox? They are gone for good.");
    expect(accepted.stdout).toContain("removed: 1 event");
    expect(accepted.exitCode).toBe(0);
    expect(await database.contents()).toBe("");
  });

  it("shows the stack only when debugging, and never a credential", async () => {
    const url = "postgresql://app:s3cret@127.0.0.1:1/shop";
    const plain = await runCliProcess(["status"], { env: { DATABASE_URL: url } });
    expect(plain.stderr).not.toContain("    at ");
    const debugging = await runCliProcess(["status"], { env: { DATABASE_URL: url, OMNI_BOX_DEBUG: "1" } });
    expect(debugging.stderr).toContain("    at ");
    expect(debugging.stderr).toContain("caused by OmniBoxError");
    expect(debugging.stderr + plain.stderr).not.toContain("s3cret");
  });
});
