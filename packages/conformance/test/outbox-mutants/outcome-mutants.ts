import type { OutboxMutant } from "./outbox-mutant.js";
import { recordUnfenced } from "./record-unfenced.js";
import { tokenOf } from "./token-of.js";

/** Faults of the outcomes. */
export const outcomeMutants: readonly OutboxMutant[] = [
  {
    fault: "an outcome does not look at the token",
    killedBy: "outbox.lost-lease.completed",
    wrap: (base) => ({
      ...base,
      recordCompleted: (_fence, rows) => recordUnfenced(base, rows, (fence, row) => base.recordCompleted(fence, [row])),
    }),
  },
  {
    fault: "a failure does not look at the token",
    killedBy: "outbox.lost-lease.failed",
    wrap: (base) => ({
      ...base,
      recordFailed: (_fence, rows) => recordUnfenced(base, rows, (fence, row) => base.recordFailed(fence, [row])),
    }),
  },
  {
    fault: "a release does not look at the token",
    killedBy: "outbox.lost-lease.pending",
    wrap: (base) => ({
      ...base,
      recordPending: (_fence, rows) => recordUnfenced(base, rows, (fence, row) => base.recordPending(fence, [row])),
    }),
  },
  {
    fault: "an outcome looks at the token and writes in two steps",
    killedBy: "outbox.lost-lease.race",
    wrap: (base) => ({
      ...base,
      async recordCompleted(fence, rows) {
        const seen = await Promise.all(rows.map(({ id }) => base.findById(id)));
        const held = rows.filter((_, index) => seen[index]?.lease?.token === tokenOf(fence));
        const receipt = await recordUnfenced(base, held, (current, row) => base.recordCompleted(current, [row]));
        return { missing: [...receipt.missing, ...rows.filter((row) => !held.includes(row))] };
      },
    }),
  },
  {
    fault: "an outcome of more than a thousand events forgets the rest",
    killedBy: "outbox.outcomes.bulk-thousands",
    wrap: (base) => ({ ...base, recordCompleted: (fence, rows) => base.recordCompleted(fence, rows.slice(0, 1_000)) }),
  },
  {
    fault: "an outcome is refused once the lease has expired, although nobody took over",
    killedBy: "outbox.lost-lease.expired-but-held",
    wrap: (base) => ({
      ...base,
      async recordCompleted(fence, rows) {
        const due = await base.findDue({ limit: 10_000 });
        const expired = new Set(due.filter(({ lease }) => lease !== null).map(({ seq }) => seq));
        const { missing } = await base.recordCompleted(
          fence,
          rows.filter(({ seq }) => !expired.has(seq)),
        );
        return { missing: [...missing, ...rows.filter(({ seq }) => expired.has(seq))] };
      },
    }),
  },
  {
    fault: "nothing is ever reported missing",
    killedBy: "outbox.lost-lease.partial",
    wrap: (base) => ({
      ...base,
      async recordCompleted(fence, rows) {
        await base.recordCompleted(fence, rows);
        return { missing: [] };
      },
    }),
  },
  {
    fault: "one lost event loses the whole batch",
    killedBy: "outbox.lost-lease.partial",
    wrap: (base) => ({
      ...base,
      async recordCompleted(fence, rows) {
        const held = new Set(
          base
            .all()
            .filter(({ lease }) => lease?.token === tokenOf(fence))
            .map(({ seq }) => seq),
        );
        return rows.every(({ seq }) => held.has(seq)) ? base.recordCompleted(fence, rows) : { missing: rows };
      },
    }),
  },
  {
    fault: "an outcome is written for every event of the claim",
    killedBy: "outbox.outcomes.other-rows",
    wrap: (base) => ({
      ...base,
      recordCompleted: (fence) =>
        base.recordCompleted(
          fence,
          base.all().filter(({ lease }) => lease?.token === tokenOf(fence)),
        ),
    }),
  },
  {
    fault: "attempts are added up instead of set",
    killedBy: "outbox.outcomes.pending-nulls",
    wrap: (base) => ({
      ...base,
      async recordPending(fence, rows) {
        const made = new Map(base.all().map(({ seq, attemptsMade }) => [seq, attemptsMade]));
        return base.recordPending(
          fence,
          rows.map((row) => ({ ...row, attemptsMade: row.attemptsMade + (made.get(row.seq) ?? 0) })),
        );
      },
    }),
  },
  {
    fault: "attempts go beyond their maximum",
    killedBy: "outbox.outcomes.attempts-capped",
    wrap: (base) => {
      const given = new Map<string, number>();
      return {
        ...base,
        recordFailed(fence, rows) {
          for (const { id, attemptsMade } of rows) given.set(id, attemptsMade);
          return base.recordFailed(fence, rows);
        },
        async findById(id) {
          const event = await base.findById(id);
          return event && { ...event, attemptsMade: given.get(id) ?? event.attemptsMade };
        },
      };
    },
  },
  {
    fault: "in a bulk outcome all rows get the values of the first",
    killedBy: "outbox.outcomes.bulk-values",
    wrap: (base) => ({
      ...base,
      recordPending: (fence, rows) =>
        base.recordPending(
          fence,
          rows.map((row) => ({ ...row, ...rows[0], id: row.id, seq: row.seq })),
        ),
    }),
  },
  {
    fault: "the error text is lost",
    killedBy: "outbox.outcomes.pending",
    wrap: (base) => ({
      ...base,
      recordPending: (fence, rows) =>
        base.recordPending(
          fence,
          rows.map((row) => ({ ...row, error: null })),
        ),
    }),
  },
  {
    fault: "a long error is cut",
    killedBy: "outbox.outcomes.error-text",
    wrap: (base) => ({
      ...base,
      recordFailed: (fence, rows) =>
        base.recordFailed(
          fence,
          rows.map((row) => ({ ...row, error: row.error.slice(0, 1_000) })),
        ),
    }),
  },
  {
    fault: "a failed event is tried again",
    killedBy: "outbox.outcomes.failed",
    wrap: (base) => ({
      ...base,
      recordFailed: (fence, rows) =>
        base.recordPending(
          fence,
          rows.map((row) => ({ ...row, startedAttempts: 0, delayMs: 1_000 })),
        ),
    }),
  },
  {
    fault: "a completed event is kept although it should be deleted",
    killedBy: "outbox.outcomes.completed-deleted",
    wrap: (base) => ({
      ...base,
      recordCompleted: (fence, rows) =>
        base.recordFailed(
          fence,
          rows.map((row) => ({ ...row, attemptsMade: 0, error: "" })),
        ),
    }),
  },
  {
    fault: "repeating an outcome is an error",
    killedBy: "outbox.outcomes.repeated",
    wrap: (base) => ({
      ...base,
      async recordPending(fence, rows) {
        const receipt = await base.recordPending(fence, rows);
        if (receipt.missing.length > 0) throw new Error("not found");
        return receipt;
      },
    }),
  },
  {
    fault: "a pending row never keeps its starts",
    killedBy: "outbox.suspects.kept",
    wrap: (base) => ({
      ...base,
      recordPending: (fence, rows) =>
        base.recordPending(
          fence,
          rows.map((row) => ({ ...row, startedAttempts: 0 })),
        ),
    }),
  },
  {
    fault: "a released event stays a suspect",
    killedBy: "outbox.suspects.cleared-released",
    wrap: (base) => ({
      ...base,
      async findById(id) {
        const event = await base.findById(id);
        return event?.status === "pending" ? { ...event, startedAttempts: 1 } : event;
      },
    }),
  },
  {
    fault: "a failed event stays a suspect",
    killedBy: "outbox.suspects.cleared-failed",
    wrap: (base) => ({
      ...base,
      async findById(id) {
        const event = await base.findById(id);
        return event?.status === "failed" ? { ...event, startedAttempts: 1 } : event;
      },
    }),
  },
];
