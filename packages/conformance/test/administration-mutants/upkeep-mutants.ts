import type { DeadLetterRef } from "@omni-box/core";
import { type AdministrationMutant, inAdministration, type MemoryAdministration } from "./administration-mutant.js";

/** A fault in what the history of an event looks like. */
const rememberingAs = (
  change: (history: readonly HistoryEntry[], base: MemoryAdministration) => readonly HistoryEntry[],
) =>
  inAdministration((base) => ({
    async find(id) {
      const found = await base.find(id);
      return found && { ...found, history: change(found.history, base) };
    },
  }));

type HistoryEntry = NonNullable<Awaited<ReturnType<MemoryAdministration["find"]>>>["history"][number];

/** The rows, each as a publisher would name it who knew of the present failure. */
async function asPresent<Row extends DeadLetterRef>(base: MemoryAdministration, rows: readonly Row[]): Promise<Row[]> {
  return Promise.all(
    rows.map(async (row) => ({ ...row, failedAt: (await base.find(row.id))?.failedAt ?? row.failedAt })),
  );
}

/** Faults of histories, maintenance and dead letters. */
export const upkeepMutants: readonly AdministrationMutant[] = [
  {
    fault: "the reasons of people are not kept",
    killedBy: "history",
    wrap: rememberingAs((history) =>
      history.map((entry) => (entry.what === "requeued" ? { ...entry, note: null } : entry)),
    ),
  },
  {
    fault: "retries are not kept",
    killedBy: "history",
    wrap: rememberingAs((history) => history.filter(({ what }) => what !== "retried")),
  },
  {
    fault: "what is put off counts as a retry",
    killedBy: "history-uncounted",
    wrap: rememberingAs((history) =>
      history.length > 0 ? history : [{ at: new Date(), what: "retried", attemptsMade: 0, note: "not yet" }],
    ),
  },
  {
    fault: "the first entries of a history are kept instead of the last",
    killedBy: "history-bounded",
    wrap: rememberingAs((history) =>
      history.length < 20
        ? history
        : [{ at: new Date(), what: "failed", attemptsMade: 1, note: "1" }, ...history.slice(1)],
    ),
  },
  {
    fault: "an outcome that is repeated adds an entry each time",
    killedBy: "history-repeated",
    wrap(base) {
      const repeated: HistoryEntry[] = [];
      return {
        ...base,
        async recordPending(fence, rows) {
          const before = base.all();
          const receipt = await base.recordPending(fence, rows);
          for (const { seq, attemptsMade, error } of rows) {
            const stored = before.find((event) => event.seq === seq);
            if (stored !== undefined && stored.attemptsMade >= attemptsMade) {
              repeated.push({ at: new Date(), what: "retried", attemptsMade, note: error });
            }
          }
          return receipt;
        },
        ...{ administration: rememberingAs((history) => [...history, ...repeated])(base).administration },
      };
    },
  },
  {
    fault: "completed events are removed by the time of their insert",
    killedBy: "remove-completed",
    wrap: inAdministration((base) => ({
      async removeOld(request) {
        if (request.olderThanMs > 4_000_000) return base.removeOld(request);
        return base.removeOld({ ...request, olderThanMs: 0 });
      },
    })),
  },
  {
    fault: "failed events are removed by the time of their insert",
    killedBy: "remove-failed",
    wrap: inAdministration((base) => ({ removeOld: (request) => base.removeOld({ ...request, olderThanMs: 0 }) })),
  },
  {
    fault: "a removal has no limit",
    killedBy: "remove-limit",
    wrap: inAdministration((base) => ({ removeOld: (request) => base.removeOld({ ...request, limit: 10_000 }) })),
  },
  {
    fault: "events are removed before their dead letters are published",
    killedBy: "remove-dead-lettered",
    wrap: inAdministration((base) => ({
      removeOld: ({ onlyDeadLettered: _, ...request }) => base.removeOld(request),
    })),
  },
  {
    fault: "a lease that is taken away leaves no mark",
    killedBy: "release-leases",
    wrap: (base) => ({
      ...base,
      async findById(id) {
        const event = await base.findById(id);
        return event && { ...event, startedAttempts: 0 };
      },
    }),
  },
  {
    fault: "no lease is taken away",
    killedBy: "release-leases",
    wrap: inAdministration((base) => ({
      releaseExpiredLeases: async () => (await base.statistics()).expiredLeases,
    })),
  },
  {
    fault: "all leases are taken away at once",
    killedBy: "release-leases-limit",
    wrap: inAdministration((base) => ({ releaseExpiredLeases: () => base.releaseExpiredLeases({ limit: 10_000 }) })),
  },
  {
    fault: "dead letters are not hidden from others",
    killedBy: "dead-letters-taken",
    wrap: inAdministration((base) => ({
      takeDeadLetters: (request) =>
        base.takeDeadLetters({ ...request, leaseMs: 1 }).then(async (taken) => {
          const rows = taken.map(({ event: { id, seq }, failedAt, attemptsMade }) => ({
            id,
            seq,
            failedAt,
            attemptsMade,
          }));
          await base.recordDeadLetterFailed(rows.map((row) => ({ ...row, error: "", delayMs: 0 })));
          return taken;
        }),
    })),
  },
  {
    fault: "dead letters never come again",
    killedBy: "dead-letters-taken",
    wrap: inAdministration((base) => ({
      takeDeadLetters: (request) => base.takeDeadLetters({ ...request, leaseMs: 2_000_000_000 }),
    })),
  },
  {
    fault: "more dead letters are taken than asked for",
    killedBy: "dead-letters-taken",
    wrap: inAdministration((base) => ({
      takeDeadLetters: (request) => base.takeDeadLetters({ ...request, limit: 1_000 }),
    })),
  },
  {
    fault: "dead letters are looked for in one step and hidden in another",
    killedBy: "dead-letters-parallel",
    wrap: inAdministration((base) => ({
      async takeDeadLetters(request) {
        const seen = await base.list({ filter: { statuses: ["failed"] }, limit: request.limit });
        await base.takeDeadLetters(request);
        return seen.map(({ event, failedAt }) => ({ event, failedAt: failedAt ?? new Date(), attemptsMade: 0 }));
      },
    })),
  },
  {
    fault: "a publisher of some topics gets those of others",
    killedBy: "dead-letters-filtered",
    wrap: inAdministration((base) => ({
      takeDeadLetters: ({ filters: _, ...request }) => base.takeDeadLetters(request),
    })),
  },
  {
    fault: "it is not kept that a dead letter was published",
    killedBy: "dead-letters-recorded",
    wrap: inAdministration(() => ({ recordDeadLettered: async () => undefined })),
  },
  {
    fault: "a dead letter that failed is published at once again",
    killedBy: "dead-letters-failed",
    wrap: inAdministration((base) => ({
      recordDeadLetterFailed: (rows) => base.recordDeadLetterFailed(rows.map((row) => ({ ...row, delayMs: 0 }))),
    })),
  },
  {
    fault: "failed publications are not counted",
    killedBy: "dead-letters-failed",
    wrap: inAdministration((base) => ({
      recordDeadLetterFailed: (rows) => base.recordDeadLetterFailed(rows.map((row) => ({ ...row, attemptsMade: 0 }))),
    })),
  },
  {
    fault: "a late record of a former failure counts for the next one",
    killedBy: "dead-letters-requeued",
    wrap: inAdministration((base) => ({
      recordDeadLettered: async (rows) => base.recordDeadLettered(await asPresent(base, rows)),
    })),
  },
  {
    fault: "a late failure of a former dead letter puts the next one off",
    killedBy: "dead-letters-requeued",
    wrap: inAdministration((base) => ({
      recordDeadLetterFailed: async (rows) => base.recordDeadLetterFailed(await asPresent(base, rows)),
    })),
  },
  {
    fault: "a requeued event stays a dead letter",
    killedBy: "dead-letters-forgotten",
    wrap: inAdministration((base) => {
      const published = new Set<string>();
      return {
        async recordDeadLettered(rows) {
          for (const { id } of rows) published.add(id);
          return base.recordDeadLettered(rows);
        },
        takeDeadLetters: async (request) =>
          (await base.takeDeadLetters(request)).filter(({ event: { id } }) => !published.has(id)),
      };
    }),
  },
];
