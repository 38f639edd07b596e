import { z } from "zod";
import { invalidOptions, uncalledFactory, validateOptions } from "../errors/validate-options.js";
import type { FetchFilters } from "../protocols/event-repository.js";
import type { FetchStrategy } from "./fetch-strategy.js";

const names = z.array(z.string().min(1)).min(1).optional();

const filterOptions = z
  .strictObject({
    topics: names,
    types: names,
    aggregateTypes: names,
    consumerGroup: z.string().min(1).optional(),
    sources: names,
  })
  .refine((filters) => Object.values(filters).some((values) => values !== undefined), "name at least one filter");

/**
 * Narrows a strategy to some topics, types, aggregate types, sources or one consumer group, for workers dedicated to them.
 *
 * Together the workers of a table must cover everything; nobody else looks after what all their filters leave out. Owned buckets
 * can be narrowed to a consumer group only, whose buckets are then divided among its workers.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function filtered(strategy: FetchStrategy, filters: FetchFilters): FetchStrategy {
  // Parsed, thus a copy: what is done to the given object later changes nothing.
  const checked = validateOptions("filtered", filterOptions, filters, () => {
    if (!isStrategy(strategy)) {
      const expected = "strategy: expected a fetch strategy, as leased() and optimistic() make them";
      return [`${expected}${uncalledFactory(strategy)}`];
    }
    if (!strategy.requires.includes("ownedBuckets") || isGroupOnly(filters)) return [];
    return ["strategy: a bucket has one owner, which has to take all its events: filter leased() instead"];
  });
  const { consumerGroup } = checked;
  if (strategy.requires.includes("ownedBuckets") && consumerGroup !== undefined)
    return ofGroup(strategy, consumerGroup);
  return Object.freeze<FetchStrategy>({
    name: `filtered(${strategy.name})`,
    leaseMs: strategy.leaseMs,
    takeoverGraceMs: strategy.takeoverGraceMs ?? 0,
    heartbeat: strategy.heartbeat ?? false,
    requires: strategy.requires,
    open(repository, worker) {
      const session = strategy.open(repository, worker);
      return {
        get seesAll() {
          return session.seesAll;
        },
        recheck: () => session.recheck?.(),
        get condition() {
          return session.condition;
        },
        fetch: (request) => session.fetch({ ...request, filters: bothOf(request.filters, checked) }),
        close: () => session.close(),
      };
    },
  });
}

/** The owned buckets of one group. They are renewed for as long as they are held, so no work is too long for their lease. */
function ofGroup(strategy: FetchStrategy, consumerGroup: string): FetchStrategy {
  return Object.freeze<FetchStrategy>({
    name: `filtered(${strategy.name})`,
    leaseMs: strategy.leaseMs,
    takeoverGraceMs: strategy.takeoverGraceMs ?? 0,
    heartbeat: true,
    requires: strategy.requires,
    open(repository, worker) {
      if ((worker.consumerGroup ?? consumerGroup) === consumerGroup)
        return strategy.open(repository, { ...worker, consumerGroup });
      const problem = `consumerGroup: one is "${consumerGroup}" and another "${worker.consumerGroup}", and no event is in both`;
      throw invalidOptions("filtered", [problem]);
    },
  });
}

function isGroupOnly(filters: FetchFilters): boolean {
  const given = Object.entries(filters).filter(([, values]) => values !== undefined);
  return given.every(([name]) => name === "consumerGroup");
}

function isStrategy(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "open") === "function";
}

function bothOf(outer: FetchFilters | undefined, inner: z.output<typeof filterOptions>): FetchFilters {
  const both: { -readonly [Field in keyof FetchFilters]: FetchFilters[Field] } = {};
  for (const field of ["topics", "types", "aggregateTypes", "sources"] as const) {
    const [a, b] = [outer?.[field], inner[field]];
    const values = a !== undefined && b !== undefined ? a.filter((value) => b.includes(value)) : (a ?? b);
    if (values !== undefined) both[field] = values;
  }
  const [a, b] = [outer?.consumerGroup, inner.consumerGroup];
  const consumerGroup = a ?? b;
  if (consumerGroup !== undefined) both.consumerGroup = consumerGroup;
  // No row is in two groups, and an empty list matches nothing.
  if (a !== undefined && b !== undefined && a !== b) both.topics = [];
  return both;
}
