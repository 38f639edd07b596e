import type { LeaseFence } from "@omni-box/core";
import type { MemoryInboxRepository } from "@omni-box/core/testing";
import { blockedWhen, type InboxMutant, inTransaction, readingAs } from "./inbox-mutant.js";

/** Faults of completing a leased row, and of holding messages back behind pending ones. */
export const completeMutants: readonly InboxMutant[] = [
  {
    fault: "complete does not look at the token",
    killedBy: "inbox.complete.lost-lease",
    wrap: inTransaction((tx, base) => ({ complete: (_fence, row) => tx.complete(currentFence(base, row.seq), row) })),
  },
  {
    fault: "complete commits at once, outside the transaction",
    killedBy: "inbox.complete.rolled-back",
    wrap: inTransaction((_tx, base) => ({
      complete: async (fence, row) => (await base.recordCompleted(fence, [row])).missing.length === 0,
    })),
  },
  {
    fault: "complete always says that the lease holds",
    killedBy: "inbox.complete.never-held",
    wrap: inTransaction((tx) => ({
      async complete(fence, row) {
        await tx.complete(fence, row);
        return true;
      },
    })),
  },
  {
    fault: "complete is refused once the lease has expired, although nobody took over",
    killedBy: "inbox.complete.expired-but-held",
    wrap: inTransaction((tx, base) => ({
      async complete(fence, row) {
        const due = await base.findDue({ limit: 10_000 });
        return due.some(({ seq }) => seq === row.seq) ? false : tx.complete(fence, row);
      },
    })),
  },
  {
    fault: "complete looks at the token and writes at the commit",
    killedBy: "inbox.complete.race",
    wrap: inTransaction((tx, base) => ({
      async complete(fence, row) {
        const held = fence.kind === "lease" && currentFence(base, row.seq).token === fence.token;
        if (held) tx.client.onCommit(() => void base.recordCompleted(currentFence(base, row.seq), [row]));
        // A round trip in which another may take over.
        await new Promise((resolve) => setImmediate(resolve));
        return held;
      },
    })),
  },
  {
    fault: "a completed suspect keeps its starts",
    killedBy: "inbox.complete.with-effects",
    wrap: readingAs((event) => (event.status === "completed" ? { ...event, startedAttempts: 1 } : event)),
  },
  {
    fault: "a completed event loses its history",
    killedBy: "inbox.complete.with-effects",
    wrap: readingAs((event) => (event.status === "completed" ? { ...event, lastError: null } : event)),
  },
  {
    fault: "messages are not held back behind pending ones",
    killedBy: "inbox.blocked.left-out",
    wrap: blockedWhen(() => false),
  },
  {
    fault: "messages are held back although that was not asked",
    killedBy: "inbox.blocked.only-when-asked",
    wrap: inTransaction((tx) => ({
      insertCompleted: (drafts) => tx.insertCompleted(drafts, { behindPending: "leave" }),
    })),
  },
  {
    fault: "one blocked message blocks the whole call",
    killedBy: "inbox.blocked.left-out",
    wrap: inTransaction((tx, base) => ({
      async insertCompleted(drafts, options) {
        const keys = pendingKeys(base);
        const anyBlocked = options.behindPending === "leave" && drafts.some((draft) => keys.has(keyOf(draft)));
        return anyBlocked ? drafts.map(() => ({ kind: "blocked" })) : tx.insertCompleted(drafts, options);
      },
    })),
  },
  {
    fault: "an event in work does not hold back its key",
    killedBy: "inbox.blocked.by-every-pending",
    wrap: blockedWhen((draft, _index, { base, options }) => {
      const free = base.all().filter(({ status, lease }) => status === "pending" && lease === null);
      return options.behindPending === "leave" && free.some((event) => keyOf(event) === keyOf(draft));
    }),
  },
  {
    fault: "an event of another group holds back the key",
    killedBy: "inbox.blocked.not-by-finished",
    wrap: blockedWhen((draft, _index, { base, options }) => {
      const pending = base.all().filter(({ status }) => status === "pending");
      return options.behindPending === "leave" && pending.some((event) => event.partitionKey === draft.partitionKey);
    }),
  },
  {
    fault: "a failed event holds back its key",
    killedBy: "inbox.blocked.not-by-finished",
    wrap: blockedWhen((draft, _index, { base, options }) => {
      const open = base.all().filter(({ status }) => status !== "completed");
      return options.behindPending === "leave" && open.some((event) => keyOf(event) === keyOf(draft));
    }),
  },
  {
    fault: "a duplicate behind a pending event is called blocked",
    killedBy: "inbox.blocked.duplicates",
    wrap: blockedWhen(
      (draft, _index, { base, options }) => options.behindPending === "leave" && pendingKeys(base).has(keyOf(draft)),
    ),
  },
  {
    fault: "messages of one call hold each other back",
    killedBy: "inbox.blocked.same-call",
    wrap: blockedWhen((draft, index, { drafts, options }) => {
      const earlier = drafts.slice(0, index);
      return options.behindPending === "leave" && earlier.some((other) => keyOf(other) === keyOf(draft));
    }),
  },
];

function currentFence(base: MemoryInboxRepository, seq: bigint): LeaseFence {
  return { kind: "lease", token: base.all().find((event) => event.seq === seq)?.lease?.token ?? "" };
}

function keyOf({
  consumerGroup,
  partitionKey,
}: {
  readonly consumerGroup: string;
  readonly partitionKey: string;
}): string {
  return `${consumerGroup}/${partitionKey}`;
}

function pendingKeys(base: MemoryInboxRepository): ReadonlySet<string> {
  return new Set(
    base
      .all()
      .filter(({ status }) => status === "pending")
      .map(keyOf),
  );
}
