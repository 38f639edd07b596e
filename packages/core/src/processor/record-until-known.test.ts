import { describe, expect, it } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { driveUntilSettled } from "../../test/drive-clock.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { EventRef, OutcomeReceipt } from "../protocols/event-repository.js";
import { createOutageGate } from "../resilience/outage-gate.js";
import { createManualClock } from "../testing/manual-clock.js";
import { mergeReports, recordUntilKnown } from "./record-until-known.js";

interface Row extends EventRef {
  readonly error: string;
}

const rowOf = (index: number, error = "nacked"): Row => ({ id: `event-${index}`, seq: BigInt(index), error });
const rows = [rowOf(1), rowOf(2), rowOf(3)];
const ok: OutcomeReceipt = { missing: [] };
const unreachable = new OmniBoxError("STORE.UNREACHABLE", "no connection to amqp://u:secret@h");
const dataError = new OmniBoxError("STORE.DATA_ERROR", "value too long");
const clean = { lost: [], uncertain: [], unrecorded: [] };

function setUp(record: (rows: readonly Row[], call: number) => OutcomeReceipt, given = rows) {
  const clock = createManualClock();
  const logger = captureLogger();
  const abandoning = new AbortController();
  const calls: (readonly Row[])[] = [];
  const statement = {
    rows: given,
    record: async (batch: readonly Row[]) => {
      calls.push(batch);
      return record(batch, calls.length);
    },
    minimal: (row: Row): Row | null => ({ ...row, error: "left out" }),
  };
  const context = { clock, logger, store: createOutageGate("the database", logger), abandon: abandoning.signal };
  return { clock, logger, abandoning, calls, statement, context };
}

describe("recordUntilKnown", () => {
  it("sends one statement when it is answered, and none for no rows", async () => {
    const { calls, statement, context } = setUp(() => ok);
    expect(await recordUntilKnown(statement, context)).toEqual(clean);
    expect(calls).toEqual([rows]);
    expect(await recordUntilKnown({ ...statement, rows: [] }, context)).toEqual(clean);
    expect(calls).toHaveLength(1);
  });

  it("calls rows lost that are missing from a first answer", async () => {
    const { statement, context } = setUp(() => ({ missing: [rowOf(2)] }));
    expect(await recordUntilKnown(statement, context)).toEqual({ ...clean, lost: [rowOf(2)] });
  });

  it("calls rows uncertain that are missing from a repeated one: the first may have written them", async () => {
    const { clock, statement, context } = setUp((_rows, call) => {
      if (call === 1) throw unreachable;
      return { missing: [rowOf(2)] };
    });
    expect(await driveUntilSettled(clock, recordUntilKnown(statement, context))).toEqual({
      ...clean,
      uncertain: [rowOf(2)],
    });
  });

  it("repeats the whole statement until it is answered, with pauses, and says once that the store is away and once that it is back", async () => {
    const { clock, logger, calls, statement, context } = setUp((_rows, call) => {
      if (call <= 20) throw unreachable;
      return ok;
    });
    const startedAt = clock.monotonicMs();
    expect(await driveUntilSettled(clock, recordUntilKnown(statement, context))).toEqual(clean);
    expect(calls).toEqual(new Array(21).fill(rows));
    expect(clock.monotonicMs() - startedAt).toBeGreaterThan(1_000);
    expect(logger.alarms).toEqual([
      "the database does not answer, trying on: STORE.UNREACHABLE: no connection to amqp://***@h",
      "the database answers again",
    ]);
  });

  it("repeats after errors that nobody knows too, since forgetting would publish again", async () => {
    const { clock, calls, statement, context } = setUp((_rows, call) => {
      if (call === 1) throw new TypeError("a driver's bug");
      return ok;
    });
    expect(await driveUntilSettled(clock, recordUntilKnown(statement, context))).toEqual(clean);
    expect(calls).toHaveLength(2);
  });

  it("gives up when the worker does, after one last try, and reports the rows as unrecorded", async () => {
    const { abandoning, calls, statement, context } = setUp(() => {
      throw unreachable;
    });
    abandoning.abort();
    expect(await recordUntilKnown(statement, context)).toEqual({ ...clean, unrecorded: rows });
    expect(calls).toHaveLength(1);
    expect(context.store.failure).toMatchObject({ code: "STORE.UNREACHABLE" });
  });

  it("gives up in the middle of a pause", async () => {
    const { clock, abandoning, statement, context } = setUp(() => {
      throw unreachable;
    });
    const recording = recordUntilKnown(statement, context);
    await clock.advance(0);
    abandoning.abort();
    expect(await recording).toEqual({ ...clean, unrecorded: rows });
    expect(clock.pendingTimers).toBe(0);
  });

  it("still records what it can when the worker has given up but the store answers", async () => {
    const { abandoning, statement, context } = setUp(() => ok);
    abandoning.abort();
    expect(await recordUntilKnown(statement, context)).toEqual(clean);
  });
});

describe("recordUntilKnown, when the store refuses a value,", () => {
  const refusing = (bad: number) => (batch: readonly Row[]) => {
    if (batch.some(({ seq, error }) => seq === BigInt(bad) && error !== "left out")) throw dataError;
    return ok;
  };

  it("records the others row by row, and the bad one without what was refused", async () => {
    const { calls, statement, context } = setUp(refusing(2));
    expect(await recordUntilKnown(statement, context)).toEqual(clean);
    expect(calls).toEqual([rows, [rowOf(1)], [rowOf(2)], [rowOf(2, "left out")], [rowOf(3)]]);
  });

  it("needs one statement more when the only row is the bad one", async () => {
    const { calls, statement, context } = setUp(refusing(1), [rowOf(1)]);
    expect(await recordUntilKnown(statement, context)).toEqual(clean);
    expect(calls).toEqual([[rowOf(1)], [rowOf(1, "left out")]]);
  });

  it("reports the bad row as unrecorded, loudly, when there is nothing to leave out", async () => {
    const { logger, statement, context } = setUp(refusing(2));
    expect(await recordUntilKnown({ ...statement, minimal: () => null }, context)).toEqual({
      ...clean,
      unrecorded: [rowOf(2)],
    });
    expect(logger.lines).toEqual([
      {
        level: "error",
        fields: { eventId: "event-2", code: "STORE.DATA_ERROR", message: "STORE.DATA_ERROR: value too long" },
        message: "the store refuses the outcome of an event",
      },
    ]);
  });

  it("does not try for ever when the minimal row is refused too", async () => {
    const { calls, statement, context } = setUp(() => {
      throw dataError;
    });
    const report = await recordUntilKnown(statement, context);
    expect(report.unrecorded.map(({ id }) => id)).toEqual(["event-1", "event-2", "event-3"]);
    expect(calls).toHaveLength(1 + 2 * 3);
  });

  it("goes on repeating each row until its result is known", async () => {
    const { clock, statement, context } = setUp((batch, call) => {
      if (batch.length > 1) throw dataError;
      if (call === 2) throw unreachable;
      return { missing: batch };
    });
    expect(await driveUntilSettled(clock, recordUntilKnown(statement, context))).toEqual({
      ...clean,
      uncertain: [rowOf(1)],
      lost: [rowOf(2), rowOf(3)],
    });
  });

  it("asks a store that does not answer only once more when the worker has given up", async () => {
    const many = Array.from({ length: 500 }, (_, index) => rowOf(index));
    const { abandoning, calls, statement, context } = setUp((batch) => {
      if (batch.length > 1) throw dataError;
      throw unreachable;
    }, many);
    abandoning.abort();
    expect((await recordUntilKnown(statement, context)).unrecorded).toEqual(many);
    expect(calls).toHaveLength(2);
  });
});

describe("mergeReports", () => {
  it("adds reports up", () => {
    const report = { lost: [rowOf(1)], uncertain: [rowOf(2)], unrecorded: [rowOf(3)] };
    expect(mergeReports([report, clean, report])).toEqual({
      lost: [rowOf(1), rowOf(1)],
      uncertain: [rowOf(2), rowOf(2)],
      unrecorded: [rowOf(3), rowOf(3)],
    });
    expect(mergeReports([])).toEqual(clean);
  });
});
