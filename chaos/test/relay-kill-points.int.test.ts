import { test } from "vitest";
import type { Doom } from "../src/doomed-relay.js";
import type { RelayKillPoint, RelayStatement } from "../src/relay-kill-points.js";
import { checkOrder, noFaults } from "./order-checker.js";
import { openRelayKillScene, ownerlessMs } from "./relay-kill-scene.js";

/** How a kill at a statement differs from the plainest one. */
interface Kill extends Partial<Omit<Doom, "point">> {
  /** Default: once before the statement and once after it. Before one that always follows another is after that one, and is left out. */
  readonly only?: "after";
  /** What happens while the relay runs: another one starts, or the lease of an owner ends that has died before. */
  readonly meanwhile?: "startBeside" | "endFormerLease";
}

/** Later in its life, with events in hand that were published and are not recorded. */
const later = { nth: 2, holds: true } as const;

/** The kills at each statement. */
const statements: Readonly<Record<RelayStatement, readonly Kill[]>> = {
  renew: [later],
  survey: [{ only: "after" }, { ...later, only: "after" }],
  acquire: [{ only: "after" }, { ...later, meanwhile: "endFormerLease" }],
  release: [{ stops: true }, { holds: true, meanwhile: "startBeside" }],
  leave: [{ stops: true, only: "after" }],
  markClean: [{}],
  failedHeads: [{ only: "after" }],
  read: [{ only: "after" }, { nth: 3, only: "after" }],
  endSchedules: [{ only: "after" }],
  headStates: [{ only: "after" }],
  peek: [{ only: "after" }],
  recordStarted: [{ only: "after" }, { nth: 2, only: "after" }],
  // The first one is of an event that was started alone.
  recordCompleted: [{}, { nth: 3 }, { nth: 3, onPublished: "delete" }],
  // It is still backing off when its bucket has been taken over.
  recordPending: [{ retryDelayMs: 2 * ownerlessMs }],
  recordFailed: [{}],
};

function* allKills(): Generator<Omit<Kill, "only"> & { readonly point: RelayKillPoint }> {
  for (const [name, kills] of Object.entries(statements)) {
    const statement = name as RelayStatement;
    for (const { only, ...kill } of kills) {
      if (only === undefined) yield { point: `before ${statement}`, ...kill };
      yield { point: `after ${statement}`, ...kill };
    }
  }
  // The first message is of an event that was started alone.
  yield { point: "after write" };
  for (const point of ["before write", "after write", "after confirm"] as const) yield { point, nth: 15 };
}

/** Beyond what the rules say, for a machine that is busy. */
const allowanceMs = 20_000;

// Some at a time, because each one mostly waits: for a process to start, and for a lease to end.
for (const { meanwhile, ...kill } of allKills()) {
  const doom: Doom = { nth: 1, onPublished: "keep", retryDelayMs: 50, holds: false, stops: false, ...kill };
  const { point, nth, onPublished, holds, stops } = doom;
  const ways = [onPublished, holds && "with outcomes outstanding", stops && "while it stops", meanwhile];
  const name = `${point} no. ${nth} (${ways.filter((way) => typeof way === "string").join(", ")})`;
  test.concurrent(`what a relay that is killed ${name} leaves behind is published in order`, async ({ expect }) => {
    const formerLeaseLasts = meanwhile === "endFormerLease";
    const scene = await openRelayKillScene({ ...doom, formerLeaseLasts });
    try {
      const ending = await scene.runDoomed(meanwhile && scene[meanwhile]);
      expect(ending).toEqual({ signal: "SIGKILL", said: expect.arrayContaining([`killed ${point}`]) });
      if (meanwhile !== "startBeside") await scene.startSuccessor();
      await scene.writeMore();

      await expect.poll(scene.owned, { timeout: ownerlessMs + allowanceMs, interval: 100 }).toBe(64);
      await expect.poll(scene.oddRows, { timeout: allowanceMs }).toEqual(scene.expectedOddRows());
      await expect.poll(scene.unclean, { timeout: allowanceMs, interval: 100 }).toEqual([]);
      const faults = () => checkOrder(scene.arrivals.deliveries, scene.publishable()).faults;
      await expect.poll(faults, { timeout: allowanceMs }).toEqual(noFaults);
    } finally {
      await scene.close();
    }
  }, 120_000);
}
