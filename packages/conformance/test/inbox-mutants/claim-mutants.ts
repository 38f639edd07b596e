import type { DueQuery, FetchFilters, InboxEvent } from "@omni-box/core";
import type { MemoryInboxRepository } from "@omni-box/core/testing";
import { type InboxMutant, readingAs } from "./inbox-mutant.js";

/** Faults of fetching, and of counting the starts of suspects. */
export const claimMutants: readonly InboxMutant[] = [
  {
    fault: "a claim does not look at the consumer group",
    killedBy: "inbox.claim.groups",
    wrap: filteringAs(({ consumerGroup: _ignored, ...filters }) => filters),
  },
  {
    fault: "a claim does not look at the source",
    killedBy: "inbox.claim.filters",
    wrap: filteringAs(({ sources: _ignored, ...filters }) => filters),
  },
  {
    fault: "a claim does not look at the type",
    killedBy: "inbox.claim.filters",
    wrap: filteringAs(({ types: _ignored, ...filters }) => filters),
  },
  {
    fault: "an empty list of sources means all",
    killedBy: "inbox.claim.filters",
    wrap: filteringAs(({ sources, ...filters }) => (sources?.length ? { ...filters, sources } : filters)),
  },
  {
    fault: "a filter that fits no inbox event is ignored",
    killedBy: "inbox.claim.filters",
    wrap: filteringAs(({ aggregateTypes: _ignored, ...filters }) => filters),
  },
  {
    fault: "keyHeadsOnly is ignored",
    killedBy: "inbox.key-heads.earliest",
    wrap: (base) => ({
      ...base,
      claim: ({ keyHeadsOnly: _ignored, ...request }) => base.claim(request),
      findDue: ({ keyHeadsOnly: _ignored, ...query }) => base.findDue(query),
    }),
  },
  {
    fault: "the earliest due event of a key is its head, whatever is in work or backs off",
    killedBy: "inbox.key-heads.leased",
    wrap: headsAmong((base, query) => base.findDue(query)),
  },
  {
    fault: "an event that backs off is no head",
    killedBy: "inbox.key-heads.backing-off",
    wrap: headsAmong((base) =>
      base.all().filter((event) => event.status === "pending" && event.nextAttemptAt === null),
    ),
  },
  {
    fault: "a failed event stays the head of its key",
    killedBy: "inbox.key-heads.failed",
    wrap: headsAmong((base) => base.all().filter(({ status }) => status !== "completed")),
  },
  {
    fault: "the groups share the heads of their keys",
    killedBy: "inbox.key-heads.one-group",
    wrap: headsAmong(
      (base) => base.all().filter(({ status }) => status === "pending"),
      ({ partitionKey }) => partitionKey,
    ),
  },
  {
    fault: "a claim takes key heads although all were asked for",
    killedBy: "inbox.key-heads.only-when-asked",
    wrap: (base) => ({ ...base, claim: (request) => base.claim({ ...request, keyHeadsOnly: true }) }),
  },
  {
    fault: "a take-over does not mark the event",
    killedBy: "inbox.suspects.marked",
    wrap: claimingAs((event) => ({ ...event, startedAttempts: 0 })),
  },
  {
    fault: "every claim marks its events",
    killedBy: "inbox.suspects.marked",
    wrap: claimingAs((event) => ({ ...event, startedAttempts: Math.max(1, event.startedAttempts) })),
  },
  {
    fault: "every take-over counts as a start",
    killedBy: "inbox.suspects.recorded",
    wrap: claimingAs((event, before) => ({
      ...event,
      startedAttempts: (before?.startedAttempts ?? 0) + (before?.lease ? 1 : 0),
    })),
  },
  {
    fault: "a start is not recorded",
    killedBy: "inbox.suspects.recorded",
    wrap: (base) => ({ ...base, recordStarted: async () => ({ missing: [] }) }),
  },
  {
    fault: "a start is recorded whoever holds the event",
    killedBy: "inbox.suspects.fenced",
    wrap: (base) => ({
      ...base,
      recordStarted(_fence, row, startedAttempts) {
        const token = base.all().find(({ seq }) => seq === row.seq)?.lease?.token ?? "";
        return base.recordStarted({ kind: "lease", token }, row, startedAttempts);
      },
    }),
  },
  {
    fault: "a retried suspect keeps its starts",
    killedBy: "inbox.suspects.reset-by-pending",
    wrap: readingAs((event) => (event.status === "pending" ? { ...event, startedAttempts: 2 } : event)),
  },
  {
    fault: "a failed suspect keeps its starts",
    killedBy: "inbox.suspects.reset-by-failed",
    wrap: readingAs((event) => (event.status === "failed" ? { ...event, startedAttempts: 2 } : event)),
  },
];

function filteringAs(change: (filters: FetchFilters) => FetchFilters): InboxMutant["wrap"] {
  const changed = <Query extends DueQuery>({ filters = {}, ...query }: Query) => ({
    ...query,
    filters: change(filters),
  });
  return (base) => ({
    ...base,
    claim: (request) => base.claim(changed(request)),
    findDue: (query) => base.findDue(changed(query)),
  });
}

function claimingAs(change: (event: InboxEvent, before: InboxEvent | undefined) => InboxEvent): InboxMutant["wrap"] {
  return (base) => ({
    ...base,
    async claim(request) {
      const before = new Map(base.all().map((event) => [event.seq, event]));
      return (await base.claim(request)).map((event) => change(event, before.get(event.seq)));
    },
  });
}

/** Takes the due ones of the events that come first among others than they should. */
function headsAmong(
  candidates: (base: MemoryInboxRepository, query: DueQuery) => readonly InboxEvent[] | Promise<readonly InboxEvent[]>,
  keyOf = ({ consumerGroup, partitionKey }: InboxEvent) => `${consumerGroup}/${partitionKey}`,
): InboxMutant["wrap"] {
  return (base) => {
    async function dueHeads({ keyHeadsOnly: _ignored, limit, ...query }: DueQuery): Promise<InboxEvent[]> {
      const all = { ...query, limit: 10_000 };
      const heads = new Map<string, bigint>();
      for (const event of await candidates(base, all)) {
        if (!heads.has(keyOf(event))) heads.set(keyOf(event), event.seq);
      }
      return (await base.findDue(all)).filter((event) => heads.get(keyOf(event)) === event.seq).slice(0, limit);
    }
    return {
      ...base,
      findDue: dueHeads,
      async claim({ token, workerId, leaseMs, ...query }) {
        const due = await dueHeads(query);
        const taken = await Promise.all(due.map(({ id }) => base.lock(id, { token, workerId, leaseMs })));
        return taken.filter((event) => event !== null);
      },
    };
  };
}
