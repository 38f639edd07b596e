import type { EventChangeReport, EventChangeRequest } from "@omni-box/core";
import { type AdministrationMutant, inAdministration, type MemoryAdministration } from "./administration-mutant.js";

type Change = (request: EventChangeRequest) => Promise<EventChangeReport>;

/** A fault in all three changes. */
const inChanges = (change: (sound: Change, administration: MemoryAdministration) => Change) =>
  inAdministration((base) => ({
    requeue: change(base.requeue, base),
    skip: change(base.skip, base),
    purge: change(base.purge, base),
  }));

/** Faults of what people change. */
export const changeMutants: readonly AdministrationMutant[] = [
  {
    fault: "a requeued event keeps its attempts",
    killedBy: "requeue",
    wrap: (base) => ({
      ...base,
      async findById(id) {
        const event = await base.findById(id);
        return event && { ...event, attemptsMade: Math.max(1, event.attemptsMade) };
      },
    }),
  },
  {
    fault: "a requeue completes",
    killedBy: "requeue",
    wrap: inAdministration((base) => ({ requeue: base.skip })),
  },
  {
    fault: "what is in no state for the change is called missing",
    killedBy: "requeue-refused",
    wrap: inChanges((sound) => async (request) => {
      const report = await sound(request);
      return { ...report, refused: [], missingIds: report.refused.map(({ id }) => id) };
    }),
  },
  {
    fault: "unknown ids are not reported",
    killedBy: "requeue-refused",
    wrap: inChanges((sound) => async (request) => ({ ...(await sound(request)), missingIds: [] })),
  },
  {
    fault: "ids are compared with their case",
    killedBy: "requeue-upper-case",
    wrap: inChanges((sound) => (request) => {
      const ids = request.filter.ids?.filter((id) => id === id.toLowerCase());
      return sound({ ...request, filter: { ...request.filter, ...(ids && { ids }) } });
    }),
  },
  {
    fault: "a change ignores its limit",
    killedBy: "requeue-limit",
    wrap: inChanges((sound) => (request) => sound({ ...request, limit: 10_000 })),
  },
  {
    fault: "events of other states use the limit up",
    killedBy: "requeue-limit",
    wrap: inChanges((sound, { list }) => async (request) => {
      const page = await list({ filter: request.filter, limit: request.limit });
      return sound({ ...request, filter: { ids: page.map(({ event: { id } }) => id) } });
    }),
  },
  {
    fault: "a change never says that there are more",
    killedBy: "requeue-limit",
    wrap: inChanges((sound) => async (request) => ({ ...(await sound(request)), more: false })),
  },
  {
    fault: "a change that reached its limit always says that there are more",
    killedBy: "requeue-exact-limit",
    wrap: inChanges((sound) => async (request) => {
      const report = await sound(request);
      return { ...report, more: report.changed.length === request.limit };
    }),
  },
  {
    fault: "a dry run is none",
    killedBy: "dry-run",
    wrap: inChanges((sound) => (request) => sound({ ...request, dryRun: false })),
  },
  {
    fault: "a requeue looks for its events in one step and changes them in another",
    killedBy: "requeue-parallel",
    wrap: inAdministration(({ list, requeue }) => ({
      async requeue(request) {
        const found = await list({ filter: { ...request.filter, statuses: ["failed"] }, limit: request.limit });
        const { missingIds, refused, more } = await requeue(request);
        return { changed: found.map(({ event: { id, seq } }) => ({ id, seq })), missingIds, refused, more };
      },
    })),
  },
  {
    fault: "a requeued event fails without a count",
    killedBy: "requeue-fails-again",
    wrap: (base) => ({
      ...base,
      recordFailed: (fence, rows) =>
        base.recordFailed(
          fence,
          rows.map((row) => ({ ...row, attemptsMade: 0 })),
        ),
    }),
  },
  {
    fault: "a skipped event is removed",
    killedBy: "skip",
    wrap: inAdministration((base) => ({
      async skip(request) {
        const report = await base.skip({ ...request, dryRun: true });
        await base.purge({ filter: { ids: report.changed.map(({ id }) => id) }, limit: 10_000 });
        return report;
      },
    })),
  },
  {
    fault: "what cannot be skipped is not refused",
    killedBy: "skip-refused",
    wrap: inAdministration((base) => ({
      skip: async (request) => ({ ...(await base.skip(request)), refused: [] }),
    })),
  },
  {
    fault: "completed events cannot be purged",
    killedBy: "purge",
    wrap: inAdministration((base) => ({
      purge: (request) => base.purge({ ...request, filter: { ...request.filter, statuses: ["failed"] } }),
    })),
  },
  {
    fault: "a requeued event keeps its schedule",
    killedBy: "requeue-scheduled",
    wrap: (base) => ({
      ...base,
      async findById(id) {
        const event = await base.findById(id);
        return event && { ...event, scheduledAt: new Date() };
      },
    }),
  },
  {
    fault: "a requeued event backs off",
    killedBy: "heads",
    wrap: (base) => ({
      ...base,
      buckets: {
        ...base.buckets,
        headStates: async (seqs) =>
          (await base.buckets.headStates(seqs)).map(({ seq, state }) => ({
            seq,
            state: state === "due" ? "backingOff" : state,
          })),
      },
    }),
  },
  {
    fault: "a change is about all events, whatever the filter says",
    killedBy: "filters-changes",
    wrap: inChanges((sound) => (request) => sound({ ...request, filter: {} })),
  },
];
