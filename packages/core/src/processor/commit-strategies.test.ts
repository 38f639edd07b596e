import { describe, expect, it } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { driveUntilSettled } from "../../test/drive-clock.js";
import { observeRepository } from "../../test/observed-repository.js";
import { sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { createOutageGate } from "../resilience/outage-gate.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { bulkCommit } from "./bulk-commit.js";
import type { DecidedRows } from "./decide-rows.js";
import { singleCommit } from "./single-commit.js";

const fence = { kind: "lease", token: "the-token" } as const;
const clean = { lost: [], uncertain: [], unrecorded: [] };

async function setUp() {
  const clock = createManualClock();
  const repository = observeRepository(createMemoryOutboxRepository({ clock, onPublished: "keep" }));
  await storeEvents(repository, sampleDrafts(6));
  const events = await repository.claim({ token: fence.token, workerId: "w", leaseMs: 60_000, limit: 6 });
  repository.forgetCalls();
  const refs = events.map(({ id, seq }) => ({ id, seq }));
  const rows: DecidedRows = {
    completed: refs.slice(0, 2),
    pending: refs
      .slice(2, 4)
      .map((ref) => ({ ...ref, attemptsMade: 1, startedAttempts: 0, delayMs: 1_000, error: "nacked" })),
    failed: refs.slice(4, 6).map((ref) => ({ ...ref, attemptsMade: 1, error: "unroutable" })),
  };
  const logger = captureLogger();
  const store = createOutageGate("the database", logger);
  const context = { clock, logger, store, abandon: new AbortController().signal };
  return { clock, repository, rows, context, refs };
}

describe.each([
  ["bulkCommit", bulkCommit],
  ["singleCommit", singleCommit],
])("%s", (_name, strategy) => {
  it("records every row's outcome", async () => {
    const { clock, repository, rows, context } = await setUp();
    expect(await strategy().commit(repository, fence, rows, context)).toEqual(clean);
    const nextAttemptAt = new Date(clock.now() + 1_000);
    expect(repository.all()).toMatchObject([
      { status: "completed", lease: null },
      { status: "completed", lease: null },
      { status: "pending", attemptsMade: 1, nextAttemptAt, lastError: "nacked", lease: null },
      { status: "pending", attemptsMade: 1, nextAttemptAt, lastError: "nacked", lease: null },
      { status: "failed", attemptsMade: 1, lastError: "unroutable", lease: null },
      { status: "failed", attemptsMade: 1, lastError: "unroutable", lease: null },
    ]);
  });

  it("writes the completed rows first, so that a kill in between publishes none of them again", async () => {
    const { repository, rows, context } = await setUp();
    await strategy().commit(repository, fence, rows, context);
    expect(repository.statements.lastIndexOf("recordCompleted")).toBeLessThan(
      repository.statements.findIndex((method) => method !== "recordCompleted"),
    );
  });

  it("reports the rows whose lease was lost, and records the others", async () => {
    const { clock, repository, rows, context, refs } = await setUp();
    await clock.advance(60_001);
    await repository.claim({ token: "another", workerId: "x", leaseMs: 60_000, limit: 1 });
    expect(await strategy().commit(repository, fence, rows, context)).toEqual({ ...clean, lost: [refs[0]] });
    expect(repository.all().map(({ status }) => status)).toEqual([
      "pending",
      "completed",
      "pending",
      "pending",
      "failed",
      "failed",
    ]);
  });

  it("repeats a statement whose answer was lost, and calls what it had written uncertain", async () => {
    const { clock, repository, rows, context } = await setUp();
    repository.loseAnswerOfNext("recordCompleted", new OmniBoxError("STORE.UNREACHABLE", "cut"));
    const report = await driveUntilSettled(clock, strategy().commit(repository, fence, rows, context));
    expect(report).toMatchObject({ lost: [], unrecorded: [] });
    expect(report.uncertain.length).toBeGreaterThan(0);
    expect(repository.all().filter(({ status }) => status === "completed")).toHaveLength(2);
  });

  it("records a failure without its text when the store refuses the text", async () => {
    const { repository, rows, context } = await setUp();
    const refusing = { ...repository };
    for (const method of ["recordFailed", "recordPending"] as const) {
      refusing[method] = async (given, batch: readonly { readonly seq: bigint; readonly error: string | null }[]) => {
        const isBad = batch.some(({ seq, error }) => seq % 2n === 1n && (error === "nacked" || error === "unroutable"));
        if (isBad) throw new OmniBoxError("STORE.DATA_ERROR", "invalid byte sequence");
        return repository[method](given, batch as never);
      };
    }
    expect(await strategy().commit(refusing, fence, rows, context)).toEqual(clean);
    expect(repository.all().map(({ lastError }) => lastError)).toEqual([
      null,
      null,
      "the error could not be stored",
      "nacked",
      "the error could not be stored",
      "unroutable",
    ]);
    expect(repository.all()[2]).toMatchObject({ attemptsMade: 1, status: "pending" });
  });

  it("sends nothing for a batch without rows", async () => {
    const { repository, context } = await setUp();
    const none = { completed: [], pending: [], failed: [] };
    expect(await strategy().commit(repository, fence, none, context)).toEqual(clean);
    expect(repository.statements).toEqual([]);
  });
});

describe("bulkCommit", () => {
  it("asks a store that does not answer only once more when the worker has given up", async () => {
    const { repository, rows, context } = await setUp();
    repository.failNext("recordCompleted", new OmniBoxError("STORE.UNREACHABLE", "x"));
    const report = await bulkCommit().commit(repository, fence, rows, { ...context, abandon: AbortSignal.abort() });
    expect(report.unrecorded).toHaveLength(6);
    expect(repository.statements).toEqual(["recordCompleted"]);
  });

  it("is at most three statements: completed, failed, pending", async () => {
    const { repository, rows, context } = await setUp();
    await bulkCommit().commit(repository, fence, rows, context);
    expect(repository.statements).toEqual(["recordCompleted", "recordFailed", "recordPending"]);
    expect(bulkCommit().requires).toEqual(["bulkOutcomes"]);
  });

  it("is one statement when all went well", async () => {
    const { repository, rows, context } = await setUp();
    await bulkCommit().commit(repository, fence, { ...rows, pending: [], failed: [] }, context);
    expect(repository.statements).toEqual(["recordCompleted"]);
  });
});

describe("singleCommit", () => {
  it("is one statement an event, with one row each", async () => {
    const { repository, rows, context } = await setUp();
    await singleCommit().commit(repository, fence, rows, context);
    expect(repository.calls.map(({ args }) => (args[1] as unknown[]).length)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(singleCommit().requires).toEqual([]);
  });

  it("asks a store that does not answer only once more when the worker has given up", async () => {
    const { repository, rows, context } = await setUp();
    for (const method of ["recordCompleted", "recordPending", "recordFailed"] as const) {
      repository.failNext(method, new OmniBoxError("STORE.UNREACHABLE", "x"), 10);
    }
    const report = await singleCommit().commit(repository, fence, rows, { ...context, abandon: AbortSignal.abort() });
    expect(report.unrecorded).toHaveLength(6);
    expect(repository.statements).toEqual(["recordCompleted"]);
  });
});
