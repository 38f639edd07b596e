import type { EventFilter } from "@omni-box/core";
import { type AdministrationMutant, inAdministration } from "./administration-mutant.js";

/** A fault in what a list takes a filter for. */
const filteringAs = (change: (filter: EventFilter) => EventFilter) =>
  inAdministration((base) => ({ list: (query) => base.list({ ...query, filter: change(query.filter) }) }));

/** What is left of a filter without one of its fields. */
const without = (field: keyof EventFilter) => (filter: EventFilter) => {
  const { [field]: _, ...rest } = filter;
  return rest;
};

const emptyMeansAll = (filter: EventFilter) =>
  Object.fromEntries(Object.entries(filter).filter(([, value]) => !Array.isArray(value) || value.length > 0));

/** Faults of what people look at. */
export const readingMutants: readonly AdministrationMutant[] = [
  ...(["topics", "types", "ids", "partitionKeys", "statuses", "errorContains"] as const).map(
    (field): AdministrationMutant => ({
      fault: `a filter takes no notice of ${field}`,
      killedBy: "filters",
      wrap: filteringAs(without(field)),
    }),
  ),
  { fault: "an empty list matches all", killedBy: "filters", wrap: filteringAs(emptyMeansAll) },
  ...(["createdFrom", "createdBefore"] as const).map(
    (field): AdministrationMutant => ({
      fault: `a filter takes no notice of ${field}`,
      killedBy: "filters-time",
      wrap: filteringAs(without(field)),
    }),
  ),
  {
    fault: "the text of an error may hold wildcards",
    killedBy: "filters-error",
    wrap: inAdministration((base) => ({
      async list({ filter: { errorContains = "", ...filter }, ...query }) {
        const pattern = RegExp(errorContains.replaceAll("%", ".*").replaceAll("_", ".").replaceAll("\\", ""), "i");
        return (await base.list({ ...query, filter })).filter(({ event }) => pattern.test(event.lastError ?? ""));
      },
    })),
  },
  {
    fault: "the text of an error has to be written as it is",
    killedBy: "filters-error",
    wrap: inAdministration((base) => ({
      list: async (query) =>
        (await base.list(query)).filter(({ event }) => event.lastError?.includes(query.filter.errorContains ?? "")),
    })),
  },
  ...(["consumerGroup", "sources", "aggregateTypes"] as const).map(
    (field): AdministrationMutant => ({
      fault: `a filter of an outbox takes no notice of ${field}`,
      killedBy: "filters-of-outbox",
      wrap: filteringAs(without(field)),
    }),
  ),
  {
    fault: "what breaks a limit is cut",
    killedBy: "limits",
    wrap: inAdministration((base) => ({
      list: (query) => base.list({ ...query, limit: Math.min(1_000, Math.max(1, query.limit)) }),
    })),
  },
  {
    fault: "a page begins with the last event of the one before",
    killedBy: "list-pages",
    wrap: inAdministration((base) => ({
      list: ({ after, ...query }) => base.list({ ...query, ...(after !== undefined && { after: after - 1n }) }),
    })),
  },
  {
    fault: "the newest come like the oldest",
    killedBy: "list-pages",
    wrap: inAdministration((base) => ({ list: ({ order: _, ...query }) => base.list(query) })),
  },
  {
    fault: "it is not listed when an event failed",
    killedBy: "list-content",
    wrap: inAdministration((base) => ({
      list: async (query) => (await base.list(query)).map((listed) => ({ ...listed, failedAt: null })),
    })),
  },
  {
    fault: "an unknown id finds an event",
    killedBy: "find-nothing",
    wrap: inAdministration((base) => ({
      find: async (id) => (await base.find(id)) ?? (await base.list({ filter: {}, limit: 1 }))[0] ?? null,
    })),
  },
  {
    fault: "the head of a key is the latest of its failed events",
    killedBy: "blocked-keys",
    wrap: inAdministration((base) => ({
      async blockedKeys(query) {
        const keys = await base.blockedKeys(query);
        const failed = await base.list({ filter: { statuses: ["failed"] }, limit: 1_000, order: "newest" });
        return keys.map((key) => {
          const last = failed.find(({ event }) => event.partitionKey === key.partitionKey)?.event;
          return last === undefined ? key : { ...key, head: { ...key.head, id: last.id, seq: last.seq } };
        });
      },
    })),
  },
  {
    fault: "those that wait are not counted",
    killedBy: "blocked-keys",
    wrap: inAdministration((base) => ({
      blockedKeys: async (query) => (await base.blockedKeys(query)).map((key) => ({ ...key, waiting: 0 })),
    })),
  },
  {
    fault: "more keys are listed than asked for",
    killedBy: "blocked-keys",
    wrap: inAdministration((base) => ({ blockedKeys: (query) => base.blockedKeys({ ...query, limit: 1_000 }) })),
  },
  {
    fault: "keys stay blocked",
    killedBy: "blocked-keys-released",
    wrap: inAdministration((base) => {
      let first: ReturnType<typeof base.blockedKeys> | undefined;
      return {
        blockedKeys(query) {
          first ??= base.blockedKeys(query);
          return first;
        },
      };
    }),
  },
  ...(["pending", "failed", "completed", "awaitingDeadLetter", "blockedKeys", "oldestPendingMs"] as const).map(
    (field): AdministrationMutant => ({
      fault: `statistics do not tell ${field}`,
      killedBy: "statistics",
      wrap: inAdministration((base) => ({
        statistics: async (query) => ({ ...(await base.statistics(query)), [field]: 0 }),
      })),
    }),
  ),
  {
    fault: "counts have no limit",
    killedBy: "statistics-bounded",
    wrap: inAdministration((base) => ({
      statistics: async (query) => ({ ...(await base.statistics()), countLimit: query?.countLimit ?? 100_000 }),
    })),
  },
  {
    fault: "what backs off has waited",
    killedBy: "statistics-waiting",
    wrap: inAdministration((base) => ({
      async statistics(query) {
        const counted = await base.statistics(query);
        return { ...counted, oldestPendingMs: counted.pending > 0 ? 0 : null };
      },
    })),
  },
  {
    fault: "every lease has run out",
    killedBy: "statistics-leases",
    wrap: inAdministration((base) => ({
      async statistics(query) {
        const leased = (await base.list({ filter: {}, limit: 1_000 })).filter(({ event }) => event.lease !== null);
        return { ...(await base.statistics(query)), expiredLeases: leased.length };
      },
    })),
  },
  {
    fault: "workers without buckets are left out",
    killedBy: "owners",
    wrap: inAdministration((base) => ({
      async statistics(query) {
        const counted = await base.statistics(query);
        return { ...counted, owners: counted.owners.filter(({ buckets }) => buckets.length > 0) };
      },
    })),
  },
  {
    fault: "buckets whose lease has run out count as owned",
    killedBy: "owners",
    wrap: inAdministration((base) => ({
      async statistics(query) {
        const counted = await base.statistics(query);
        const owned = counted.owners.flatMap(({ buckets }) => buckets).length;
        return { ...counted, unownedBuckets: Math.min(counted.unownedBuckets, 64 - owned) };
      },
    })),
  },
];
