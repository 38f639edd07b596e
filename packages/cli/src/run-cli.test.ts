import { describe, expect, it } from "vitest";
import { runCliHere } from "../test/run-cli-here.js";

// Nothing answers there: what gets as far as the database fails otherwise than expected here.
const env = { DATABASE_URL: "postgresql://app:s3cret@127.0.0.1:1/shop" };
const run = (line: string) => runCliHere(line.split(" ").filter(Boolean), { env });

describe("a wrong command line", () => {
  it.each([
    ["frobnicate", "unknown command 'frobnicate'"],
    ["events lis", "unknown command 'lis' (Did you mean list?)"],
    ["status --databse-url x", "unknown option '--databse-url' (Did you mean --database-url?)"],
    ["status --outbox extra", "too many arguments"],
    ["events show", "missing required argument 'id'"],
    ["events list --limit 0", "It must be a whole number from 1 to 1000."],
    ["events list --status done", "Allowed choices are pending, completed, failed."],
    ["events list --from yesterday", "It must be a time such as"],
    ["events list --inbox --outbox", "--outbox and --inbox exclude each other"],
    ["events list --outbox --group a", "--group is about the inbox"],
    ["events list --source a", "--source is about the inbox"],
    ["events list --inbox --aggregate-type a", "--aggregate-type is about the outbox"],
    ["events requeue", "say which events: by their ids, by a filter, or --all"],
    ["events skip --yes", "say which events"],
    ["events purge --yes --dry-run", "say which events"],
    ["events requeue --all --type a", "--all means everything"],
    ["events requeue --status failed", "unknown option '--status'"],
    ["events purge --all --reason a", "unknown option '--reason'"],
    ["keys release a", "one of --requeue, --skip, --discard"],
    ["keys release a --requeue --skip", "one of --requeue, --skip, --discard"],
    ["keys release a --discard --reason b", "--discard removes them"],
    ["status --interval soon", "It must be a duration such as"],
    ["status --database-url postgresql://app:s3cret@b/%zz", "percent sign"],
    ["status --database-url postgresql://app:s3#cret@b/c", "%23"],
    ["status --watch --interval 0s", "It must be from 100ms to 24d."],
    ["status --watch --interval 30d", "It must be from 100ms to 24d."],
    ["migrate --timeout 0s", "It must be from 1ms to 24d."],
    ["events list --after 9999999999999999999", "It must be the seq of an event"],
    ["events purge --before 999999999d", "It must be a time such as"],
    ["status --database-url mysql://a:s3cret@b/c", "only postgresql:// is supported"],
    ["relay --port 70000", "It must be a whole number from 0 to 65535."],
  ])("%j is told in one line, with exit code 2", async (line, message) => {
    const { stdout, stderr, exitCode } = await run(line);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^omni-box: [^\n]+ \(CLI.USAGE\)\n$/);
    expect(stderr).not.toContain("s3cret");
    expect(stdout).toBe("");
    expect(exitCode).toBe(2);

    const json = await run(`${line} --json`);
    expect(json.exitCode).toBe(2);
    expect(json.stderr).toBe("");
    expect(JSON.parse(json.stdout).error.code).toBe("CLI.USAGE");
  });

  it("is also one without a database", async () => {
    const { stderr, exitCode } = await runCliHere(["status"], { env: {} });
    expect(stderr).toContain("set DATABASE_URL or give --database-url");
    expect(exitCode).toBe(2);
  });
});

describe("help", () => {
  it("is shown on request, with exit code 0, and with 2 where a command is missing", async () => {
    expect(await run("--help")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("Usage: omni-box"),
      stderr: "",
    });
    expect((await run("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await run("events")).exitCode).toBe(2);
    expect((await run("")).exitCode).toBe(2);
  });
});
