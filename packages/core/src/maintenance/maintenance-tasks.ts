import type { BaseEvent } from "../events/outbox-event.js";
import type { Clock } from "../protocols/clock.js";
import type { EventAdministration } from "../protocols/event-administration.js";
import { filtersOf, isDue, type ResolvedRequeueRule, reasonOf } from "./requeue-rule.js";

/** What maintenance changes. The unit is events. */
export type MaintenanceCounter = "removedCompleted" | "removedFailed" | "releasedLeases" | "requeued";

/** How a store is maintained, defaults filled in. */
export interface MaintainedStoreParts<E extends BaseEvent> {
  readonly administration: EventAdministration<E>;
  /** `null`: for ever. */
  readonly keepCompletedDays: number | null;
  readonly keepFailedDays: number | null;
  readonly keepUntilDeadLettered: boolean;
  readonly requeue: readonly ResolvedRequeueRule[];
}

/** Work that is done in small parts, each by one statement, or one look and one statement. */
export interface MaintenanceTask {
  /** For the log, and to tell tasks apart. */
  readonly name: string;
  readonly counter: MaintenanceCounter;
  /** Does a part. Rejects as the store does; a part that may have happened can be done again. */
  runBatch(): Promise<BatchOfTask>;
}

/** What a part of a task came to. */
export interface BatchOfTask {
  readonly changed: number;
  /** Whether there may be more to do. */
  readonly more: boolean;
}

/** How much of each event is looked at is not known before, so that few are read at once. */
const eventsPerLook = 100;
const msPerDay = 86_400_000;

/** All that is to be done to a store. */
export function maintenanceTasks<E extends BaseEvent>(
  name: string,
  store: MaintainedStoreParts<E>,
  limit: number,
  clock: Clock,
): readonly MaintenanceTask[] {
  const { administration, keepCompletedDays, keepFailedDays, keepUntilDeadLettered, requeue } = store;
  const tasks: MaintenanceTask[] = [
    task(`${name}: expired leases`, "releasedLeases", limit, () => administration.releaseExpiredLeases({ limit })),
  ];
  if (keepCompletedDays !== null) {
    const request = { status: "completed", olderThanMs: Math.ceil(keepCompletedDays * msPerDay), limit } as const;
    tasks.push(
      task(`${name}: old completed events`, "removedCompleted", limit, () => administration.removeOld(request)),
    );
  }
  if (keepFailedDays !== null) {
    const olderThanMs = Math.ceil(keepFailedDays * msPerDay);
    const request = { status: "failed", olderThanMs, limit, onlyDeadLettered: keepUntilDeadLettered } as const;
    tasks.push(task(`${name}: old failed events`, "removedFailed", limit, () => administration.removeOld(request)));
  }
  requeue.forEach((rule, index) => {
    tasks.push(...requeueTasks(`${name}: requeue rule ${index + 1}`, administration, rule, limit, clock));
  });
  return tasks;
}

function task(name: string, counter: MaintenanceCounter, limit: number, run: () => Promise<number>): MaintenanceTask {
  return {
    name,
    counter,
    async runBatch() {
      const changed = await run();
      return { changed, more: changed >= limit };
    },
  };
}

/** One for each filter of the rule; each goes through the failed events once, page by page. */
function requeueTasks<E extends BaseEvent>(
  name: string,
  administration: EventAdministration<E>,
  rule: ResolvedRequeueRule,
  batchSize: number,
  clock: Clock,
): readonly MaintenanceTask[] {
  const limit = Math.min(batchSize, eventsPerLook);
  const startedAt = clock.now();
  return filtersOf(rule, startedAt).map((filter): MaintenanceTask => {
    let after: bigint | undefined;
    return {
      name,
      counter: "requeued",
      async runBatch() {
        const found = await administration.list({
          filter,
          limit,
          order: "oldest",
          ...(after !== undefined && { after }),
        });
        const ids = found.filter((each) => isDue(each, rule, startedAt)).map(({ event }) => event.id);
        after = found.at(-1)?.event.seq;
        const more = found.length >= limit;
        if (ids.length === 0) return { changed: 0, more };
        const { changed } = await administration.requeue({
          filter: { ids },
          reason: reasonOf(rule),
          limit: ids.length,
        });
        return { changed: changed.length, more };
      },
    };
  });
}
