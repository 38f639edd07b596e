import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliDatabase, openCliDatabase } from "./open-cli-database.js";
import { runCliHere } from "./run-cli-here.js";

let database: CliDatabase;
beforeEach(async () => {
  database = await openCliDatabase();
});
afterEach(() => database.close());

const run = (...args: string[]) => runCliHere(args, { env: { DATABASE_URL: database.url } });
async function json(...args: string[]) {
  const { stdout, stderr, exitCode } = await run(...args, "--json");
  return { document: JSON.parse(stdout), stderr, exitCode };
}

describe("omni-box events", () => {
  it("lists events by filters, page by page, without their payloads", async () => {
    const first = await database.add({ topic: "orders", payload: { secret: "s3cret" } });
    const second = await database.add({ topic: "orders", payload: { secret: "s3cret" } });
    await database.add({ topic: "invoices" });

    const { document, exitCode } = await json("events", "list", "--topic", "orders", "--limit", "1");
    expect(exitCode).toBe(0);
    expect(document.events).toMatchObject([{ id: first, status: "pending", topic: "orders" }]);
    expect(document.events[0].seq).toMatch(/^\d+$/);
    expect(document.events[0]).not.toHaveProperty("payload");
    expect(document.events[0]).not.toHaveProperty("headers");
    expect(document.next).toBe(document.events[0].seq);

    const { document: next } = await json("events", "list", "--topic", "orders", "--after", document.next, "--payload");
    expect(next).toMatchObject({ events: [{ id: second, payload: { secret: "s3cret" } }], next: null });

    const { stdout } = await run("events", "list");
    expect(stdout).toContain(first);
    expect(stdout).not.toContain("s3cret");
    expect((await run("events", "list", "--payload")).stdout).toContain('{"secret":"s3cret"}');
  });

  it("shows one event with its history, and its payload on request only", async () => {
    const id = await database.addFailed("the broker refused it", { payload: { secret: "s3cret" } });
    const { stdout } = await run("events", "show", id);
    expect(stdout).toMatch(/^status +failed$/m);
    expect(stdout).toMatch(/^last error +the broker refused it$/m);
    expect(stdout).toMatch(/^AT +WHAT +ATTEMPTS +NOTE\n\S+ \S+ +failed +/m);
    expect(stdout).not.toContain("s3cret");
    expect((await run("events", "show", id, "--payload")).stdout).toContain('PAYLOAD\n{\n  "secret": "s3cret"\n}\n');
    expect((await json("events", "show", id, "--payload")).document.event.payload).toEqual({ secret: "s3cret" });
  });

  it("requeues failed events in their old places, and keeps the reason in their history", async () => {
    const id = await database.addFailed("refused");
    const dry = await json("events", "requeue", "--all", "--dry-run");
    expect(dry.document).toMatchObject({ action: "requeue", dryRun: true, changed: [{ id }] });
    expect((await json("events", "show", id)).document.event.status).toBe("failed");

    const done = await json("events", "requeue", "--all", "--reason", "the queue is back");
    expect(done).toMatchObject({ exitCode: 0, document: { dryRun: false, changed: [{ id }], more: false } });
    const { event } = (await json("events", "show", id)).document;
    expect(event).toMatchObject({ status: "pending", attemptsMade: 0, seq: dry.document.changed[0].seq });
    expect(event.history.at(-1)).toMatchObject({ what: "requeued", note: "the queue is back" });
  });

  it("changes the events of a filter and no others", async () => {
    const wanted = await database.addFailed("no route for it", { type: "order.paid" });
    await database.addFailed("no route for it", { type: "order.placed" });
    await database.addFailed("something else", { type: "order.paid" });
    const { document } = await json("events", "requeue", "--type", "order.paid", "--error", "ROUTE");
    expect(document.changed).toMatchObject([{ id: wanted }]);
  });

  it("changes more events than one statement does", async () => {
    await database.prisma.$executeRawUnsafe(
      `INSERT INTO ${database.schema}.outbox_event (id, event_type, schema_version, topic, aggregate_type, aggregate_id,
         partition_key, bucket, payload, max_attempts, attempts_made, status, last_error)
       SELECT gen_random_uuid(), 'a', '1', 'a', 'a', 'a', 'a', 0, '{}', 10, 10, 'failed', 'x' FROM generate_series(1, 2500)`,
    );
    const limited = await json("events", "requeue", "--all", "--limit", "1100");
    expect(limited.document.changed).toHaveLength(1_100);
    const rest = await json("events", "requeue", "--all");
    expect(rest.document.changed).toHaveLength(1_400);
    expect(rest.document.more).toBe(false);
  });

  it("says of every named event that could not be changed why not, and ends with 3", async () => {
    const pending = await database.add();
    const failed = await database.addFailed("refused");
    const missing = "01900000-0000-7000-8000-000000000000";
    const { stdout, exitCode } = await run("events", "requeue", pending, failed, missing, "no-uuid");
    expect(exitCode).toBe(3);
    expect(stdout).toContain(`${pending} is pending: it cannot be requeued\n`);
    expect(stdout).toContain(`${missing} does not exist\n`);
    expect(stdout).toContain("no-uuid does not exist\n");
    expect(stdout).toContain("requeued: 1 event\n");
  });

  it("says plainly that nothing matches, and that an event does not exist", async () => {
    expect(await run("events", "list", "--type", "nothing")).toMatchObject({
      stdout: "no event matches\n",
      exitCode: 0,
    });
    expect(await run("events", "requeue", "--type", "nothing")).toMatchObject({
      stdout: "no event matches: nothing was requeued\n",
      exitCode: 0,
    });
    const shown = await run("events", "show", "no-uuid");
    expect(shown).toMatchObject({ stdout: "", exitCode: 3 });
    expect(shown.stderr).toMatch(/^omni-box: the outbox has no event no-uuid: .* \(STORE.NOT_FOUND\)\n$/);
  });

  it.each(["skip", "purge"])(
    "refuses to %s without --yes where nobody can be asked, and changes nothing",
    async (kind) => {
      await database.addFailed("refused");
      const before = await database.contents();
      const refused = await run("events", kind, "--all");
      expect(refused).toMatchObject({ stdout: "", exitCode: 2 });
      expect(refused.stderr).toMatch(
        /^omni-box: 1 event would be (skipped|removed), and nobody can be asked here: give --yes.*\n$/,
      );
      expect((await run("events", kind, "--all", "--dry-run")).exitCode).toBe(0);
      expect(await database.contents()).toBe(before);
    },
  );

  it("asks a person before events are lost, and does as it is told", async () => {
    const id = await database.addFailed("refused");
    const person = (answer: boolean, ...args: string[]) =>
      runCliHere(args, { env: { DATABASE_URL: database.url }, answer });

    const declined = await person(false, "events", "purge", "--all");
    expect(declined.questions).toEqual(["remove 1 event of the outbox? They are gone for good."]);
    expect(declined).toMatchObject({ stdout: "", exitCode: 1 });
    expect(declined.stderr).toContain("nothing was changed, as you wished (CLI.DECLINED)");
    expect((await json("events", "show", id)).document.event.status).toBe("failed");

    const accepted = await person(true, "events", "skip", id);
    expect(accepted.questions).toEqual(["skip 1 event of the outbox? They will never be published."]);
    expect((await json("events", "show", id)).document.event.status).toBe("completed");

    expect((await person(true, "events", "purge", "--type", "nothing")).questions).toEqual([]);
    expect((await person(true, "events", "requeue", "--all")).questions).toEqual([]);
  });

  it("takes a yes for the events that it has asked about, and for none that failed meanwhile", async () => {
    const asked = await database.addFailed("refused");
    let later = "";
    const run = await runCliHere(["events", "purge", "--all", "--json"], {
      env: { DATABASE_URL: database.url },
      answer: true,
      meanwhile: async () => {
        later = await database.addFailed("refused");
      },
    });
    expect(JSON.parse(run.stdout)).toMatchObject({ changed: [{ id: asked }], more: false });
    expect((await json("events", "show", later)).document.event.status).toBe("failed");
  });

  it("asks about no more than the limit", async () => {
    for (let event = 0; event < 3; event += 1) await database.addFailed("refused");
    const surroundings = { env: { DATABASE_URL: database.url }, answer: true };
    const { questions, exitCode } = await runCliHere(["events", "skip", "--all", "--limit", "2"], surroundings);
    expect(questions).toEqual(["skip 2 events of the outbox? They will never be published."]);
    expect(exitCode).toBe(0);
  });

  it("says before an inbox is purged that messages may then be handled again", async () => {
    await database.addFailedMessage("shipping", "no such order");
    const args = ["events", "purge", "--group", "shipping"];
    const { questions } = await runCliHere(args, { env: { DATABASE_URL: database.url }, answer: false });
    expect(questions).toEqual([
      "remove 1 event of the inbox? They are gone for good; repetitions of their messages are then taken for new ones.",
    ]);
    const skipped = await runCliHere(["events", "skip", "--group", "shipping"], {
      env: { DATABASE_URL: database.url },
      answer: false,
    });
    expect(skipped.questions).toEqual(["skip 1 event of the inbox? They will never be handled."]);
  });

  it("says that events are locked, and not that there are none, and ends with 3", async () => {
    const id = await database.addFailed("refused", { aggregateId: "order-7" });
    const { prisma, schema } = database;
    await prisma.$transaction(async (tx) => {
      await tx.$queryRawUnsafe(`SELECT 1 AS one FROM ${schema}.outbox_event FOR UPDATE`);
      for (const args of [
        ["events", "requeue", "--all"],
        ["keys", "release", "order-7", "--requeue"],
      ]) {
        const { stdout, exitCode } = await run(...args);
        expect(stdout).toBe(
          "requeued: 0 events\nThere are more, and somebody has locked them at this moment: run it again.\n",
        );
        expect(exitCode).toBe(3);
      }
      const named = await run("events", "requeue", id);
      expect(named.stdout).toContain(`${id} was left out: somebody has locked it, or the filters do not match it\n`);
      expect(named.exitCode).toBe(3);
    });
    expect((await run("events", "requeue", id)).exitCode).toBe(0);
  });

  it("says of a named event that the filters beside it do not match it", async () => {
    const [paid, placed] = [
      await database.addFailed("refused", { type: "order.paid" }),
      await database.addFailed("refused", { type: "order.placed" }),
    ];
    const { stdout, exitCode } = await run("events", "requeue", paid, placed, "--type", "order.paid");
    expect(stdout).toContain(`${placed} was left out: the filters do not match it\n`);
    expect(stdout).toContain("requeued: 1 event\n");
    expect(exitCode).toBe(3);
  });

  it("skips and purges with --yes", async () => {
    const id = await database.addFailed("refused");
    expect((await json("events", "skip", id, "--yes")).document.changed).toMatchObject([{ id }]);
    expect((await json("events", "show", id)).document.event).toMatchObject({ status: "completed" });
    expect((await run("events", "purge", id, "--yes")).stdout).toContain("removed: 1 event\n");
    expect((await run("events", "show", id)).exitCode).toBe(3);
  });

  it("works on the inbox, and there on one consumer group", async () => {
    const shipping = await database.addFailedMessage("shipping", "no such order");
    await database.addFailedMessage("billing", "no such order");
    const { document } = await json("events", "list", "--group", "shipping");
    expect(document.events).toMatchObject([{ id: shipping, consumerGroup: "shipping", source: "shipping.orders" }]);
    expect((await json("events", "requeue", "--group", "shipping")).document.changed).toMatchObject([{ id: shipping }]);
    expect((await run("events", "list", "--inbox", "--status", "failed")).stdout).toContain("no such order");
  });
});

describe("omni-box keys", () => {
  it("lists blocked keys with their heads, and releases one so that its events are pending in their order", async () => {
    const head = await database.addFailed("the broker refused it", { aggregateId: "order-7" });
    await database.add({ aggregateId: "order-7" });
    await database.add({ aggregateId: "order-8" });

    const { document } = await json("keys", "list");
    expect(document.keys).toMatchObject([{ partitionKey: "order-7", waiting: 1, head: { id: head } }]);
    expect((await run("keys", "list")).stdout).toMatch(/^order-7 +1 +.*the broker refused it$/m);

    const released = await json("keys", "release", "order-7", "--requeue");
    expect(released).toMatchObject({
      exitCode: 0,
      document: { key: "order-7", action: "requeue", changed: [{ id: head }] },
    });
    expect((await run("keys", "list")).stdout).toBe("no key is blocked\n");
  });

  it.each([
    ["--skip", "completed"],
    ["--discard", undefined],
  ])("releases with %s only when it may", async (way, status) => {
    const head = await database.addFailed("refused", { aggregateId: "order-7" });
    expect((await run("keys", "release", "order-7", way)).exitCode).toBe(2);
    expect((await run("keys", "release", "order-7", way, "--dry-run")).stdout).toContain("would be ");
    expect((await json("keys", "list")).document.keys).toHaveLength(1);
    expect((await run("keys", "release", "order-7", way, "--yes")).exitCode).toBe(0);
    expect((await json("events", "show", head)).document.event?.status).toBe(status);
  });

  it("says that a key is not blocked, and which way is missing", async () => {
    const unknown = await run("keys", "release", "order-9", "--requeue");
    expect(unknown.exitCode).toBe(3);
    expect(unknown.stderr).toContain("the key order-9 has no failed event in the outbox: it is not blocked");
    expect((await run("keys", "release", "order-9")).exitCode).toBe(2);
    expect((await run("keys", "release", "order-9", "--skip", "--discard")).exitCode).toBe(2);
    expect((await run("keys", "release", "order-9", "--requeue", "--inbox")).stderr).toContain("name one with --group");
  });

  it("releases the key of one consumer group and not that of another", async () => {
    const shipping = await database.addFailedMessage("shipping", "no such order");
    await database.addFailedMessage("billing", "no such order");
    const { document } = await json("keys", "release", "order-1", "--requeue", "--group", "shipping");
    expect(document.changed).toMatchObject([{ id: shipping }]);
    expect((await json("keys", "list", "--inbox")).document.keys).toMatchObject([{ consumerGroup: "billing" }]);
  });
});
