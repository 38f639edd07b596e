import { randomUUID } from "node:crypto";
import type { OutboxEvent } from "@omni-box/core";
import type { MemoryOutboxRepository } from "@omni-box/core/testing";
import type { OutboxMutant } from "./outbox-mutant.js";

/** Faults of claiming and of reading due events. */
export const claimMutants: readonly OutboxMutant[] = [
  {
    fault: "a claim takes one more than its limit",
    killedBy: "outbox.claim.limit",
    wrap: (base) => ({ ...base, claim: (request) => base.claim({ ...request, limit: request.limit + 1 }) }),
  },
  {
    fault: "a claim returns its batch in no order",
    killedBy: "outbox.claim.seq-order",
    wrap: (base) => ({ ...base, claim: async (request) => [...(await base.claim(request))].reverse() }),
  },
  {
    fault: "a claim takes the newest events first",
    killedBy: "outbox.claim.seq-order",
    wrap: (base) => ({
      ...base,
      async claim({ limit, filters: _none, ...lease }) {
        const newest = (await base.findDue({ limit: 10_000 })).slice(-limit);
        return present(await Promise.all(newest.map(({ id }) => base.lock(id, lease))));
      },
    }),
  },
  {
    fault: "a claim also returns events that others hold",
    killedBy: "outbox.claim.unexpired-lease",
    wrap: (base) => ({
      ...base,
      async claim(request) {
        const held = base.all().filter(({ lease }) => lease !== null);
        return [...(await base.claim(request)), ...held];
      },
    }),
  },
  {
    fault: "a claim reads and takes in two steps without looking again",
    killedBy: "outbox.claim.parallel-never-share",
    wrap: (base) => ({
      ...base,
      async claim({ token, workerId, leaseMs, ...query }) {
        const due = await base.findDue(query);
        await Promise.all(due.map(({ id }) => base.lock(id, { token, workerId, leaseMs })));
        return due;
      },
    }),
  },
  {
    fault: "an expired lease keeps its event for ever",
    killedBy: "outbox.claim.expired-lease",
    wrap: (base) => ({
      ...base,
      async claim(request) {
        const leased = new Set(
          base
            .all()
            .filter(({ lease }) => lease !== null)
            .map(({ id }) => id),
        );
        return (await base.claim(request)).filter(({ id }) => !leased.has(id));
      },
    }),
  },
  {
    fault: "a claim does not wait for the scheduled time",
    killedBy: "outbox.claim.scheduled",
    wrap: (base) => claimAlso(base, ({ scheduledAt }) => scheduledAt !== null),
  },
  {
    fault: "a claim does not wait for the end of the backoff",
    killedBy: "outbox.claim.backing-off",
    wrap: (base) => claimAlso(base, ({ nextAttemptAt }) => nextAttemptAt !== null),
  },
  {
    fault: "a claim looks at one filter only",
    killedBy: "outbox.claim.filters",
    wrap: (base) => ({
      ...base,
      claim: ({ filters, ...request }) => {
        const topics = filters?.topics;
        return base.claim(topics === undefined ? request : { ...request, filters: { topics } });
      },
    }),
  },
  {
    fault: "a claim starts behind the last seq that it saw",
    killedBy: "outbox.add.late-commit",
    wrap: (base) => {
      let lastSeq = 0n;
      return {
        ...base,
        async claim(request) {
          const events = (await base.claim(request)).filter(({ seq }) => seq > lastSeq);
          lastSeq = events.at(-1)?.seq ?? lastSeq;
          return events;
        },
      };
    },
  },
  {
    fault: "reading due events takes them",
    killedBy: "outbox.find-due.order-and-limit",
    wrap: (base) => ({
      ...base,
      findDue: (query) => base.claim({ ...query, token: randomUUID(), workerId: "reader", leaseMs: 60_000 }),
    }),
  },
  {
    fault: "a take-over does not mark the event",
    killedBy: "outbox.suspects.marked",
    wrap: (base) => ({
      ...base,
      claim: async (request) => (await base.claim(request)).map((event) => ({ ...event, startedAttempts: 0 })),
    }),
  },
  {
    fault: "every claim marks its events",
    killedBy: "outbox.suspects.marked",
    wrap: (base) => ({
      ...base,
      claim: async (request) => (await base.claim(request)).map((event) => ({ ...event, startedAttempts: 1 })),
    }),
  },
  {
    fault: "a filter that fits no outbox event is ignored",
    killedBy: "outbox.claim.filters",
    wrap: (base) => ({
      ...base,
      claim({ filters: { consumerGroup: _ignored, ...filters } = {}, ...request }) {
        return base.claim({ ...request, filters });
      },
    }),
  },
];

function present(events: readonly (OutboxEvent | null)[]): OutboxEvent[] {
  return events.filter((event) => event !== null);
}

/** A claim that also takes free pending events for which `condition` holds, due or not. */
function claimAlso(base: MemoryOutboxRepository, condition: (event: OutboxEvent) => boolean) {
  return {
    ...base,
    async claim(request: Parameters<MemoryOutboxRepository["claim"]>[0]) {
      const events = [...(await base.claim(request))];
      const others = base
        .all()
        .filter((event) => event.lease === null && event.status === "pending" && condition(event));
      return [...events, ...present(await Promise.all(others.map(({ id }) => base.lock(id, request))))];
    },
  };
}
