import { test } from "vitest";
import type { InboxOwnerDoom } from "../src/doomed-inbox-owner.js";
import type { InboxBucketKillPoint, InboxBucketStatement } from "../src/inbox-bucket-kill-points.js";
import { inboxOwnerlessMs, openInboxBucketKillScene } from "./inbox-bucket-kill-scene.js";

/** How a kill at a statement differs from the plainest one. */
interface Kill extends Partial<Omit<InboxOwnerDoom, "point">> {
  /** Default: once before the statement and once after it. Before one that always follows another is after that one, and is left out. */
  readonly only?: "after";
  /** What happens while the process runs: another one starts, or the lease of an owner ends that has died before. */
  readonly meanwhile?: "startBeside" | "endFormerLease";
  /** The group has no buckets yet. */
  readonly isNew?: boolean;
}

/** Later in its life, in the middle of a handler's transaction. */
const later = { nth: 2, holds: true } as const;

/** The kills at each statement. */
const statements: Readonly<Record<InboxBucketStatement, readonly Kill[]>> = {
  make: [{ isNew: true }],
  renew: [{ only: "after" }, later],
  survey: [{ only: "after" }],
  acquire: [{ only: "after" }, { ...later, meanwhile: "endFormerLease" }],
  release: [{ stops: true }, { holds: true, meanwhile: "startBeside" }],
  leave: [{ stops: true, only: "after" }],
  markClean: [{}],
  failedHeads: [{ only: "after" }],
  read: [{ only: "after" }],
  endSchedules: [{ only: "after" }],
  headStates: [{ only: "after" }],
  peek: [{ only: "after" }],
  recordStarted: [{ only: "after" }, { nth: 2, only: "after" }],
  // The first one is of an event that was started alone.
  complete: [{}, { nth: 10 }],
  transaction: [{ only: "after" }, { nth: 10, only: "after" }],
  // It is still backing off when its bucket has been taken over.
  recordPending: [{ retryDelayMs: 2 * inboxOwnerlessMs }],
  recordFailed: [{}],
};

function* allKills(): Generator<Omit<Kill, "only"> & { readonly point: InboxBucketKillPoint }> {
  for (const [name, kills] of Object.entries(statements)) {
    const statement = name as InboxBucketStatement;
    for (const { only, ...kill } of kills) {
      if (only === undefined) yield { point: `before ${statement}`, ...kill };
      yield { point: `after ${statement}`, ...kill };
    }
  }
}

/** Beyond what the rules say, for a machine that is busy. */
const allowanceMs = 20_000;

// Some at a time, because each one mostly waits: for a process to start, and for a lease to end.
for (const { meanwhile, isNew = false, ...kill } of allKills()) {
  const doom: InboxOwnerDoom = { nth: 1, retryDelayMs: 50, holds: false, stops: false, ...kill };
  const { point, nth, holds, stops } = doom;
  const ways = [holds && "in the middle of a handler", stops && "while it stops", isNew && "of a new group", meanwhile];
  const given = ways.filter((way) => typeof way === "string").join(", ");
  const name = `${point} no. ${nth}${given === "" ? "" : ` (${given})`}`;
  test.concurrent(`what a processor that is killed ${name} leaves behind is handled once and in order`, async ({
    expect,
  }) => {
    const formerLeaseLasts = meanwhile === "endFormerLease";
    const scene = await openInboxBucketKillScene({ ...doom, isMade: !isNew, formerLeaseLasts });
    try {
      const ending = await scene.runDoomed(meanwhile && scene[meanwhile]);
      expect(ending).toEqual({ signal: "SIGKILL", said: expect.arrayContaining([`killed ${point}`]) });
      if (meanwhile !== "startBeside") await scene.startSuccessor();
      await scene.storeMore();

      await expect.poll(scene.owned, { timeout: inboxOwnerlessMs + allowanceMs, interval: 100 }).toBe(64);
      await expect.poll(scene.oddRows, { timeout: allowanceMs }).toEqual(scene.expectedOddRows());
      await expect.poll(scene.unclean, { timeout: allowanceMs, interval: 100 }).toEqual([]);
      await expect.poll(scene.effects, { timeout: allowanceMs }).toEqual(scene.expectedEffects());
    } finally {
      await scene.close();
    }
  }, 120_000);
}
