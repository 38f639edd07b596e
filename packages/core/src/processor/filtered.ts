import { z } from "zod";
import { validateOptions } from "../errors/validate-options.js";
import type { FetchFilters } from "../protocols/event-repository.js";
import type { FetchStrategy } from "./fetch-strategy.js";

const names = z.array(z.string().min(1)).min(1).optional();

const filterOptions = z
  .strictObject({ topics: names, types: names, aggregateTypes: names })
  .refine((filters) => Object.values(filters).some((values) => values !== undefined), "name at least one filter");

/**
 * Narrows a strategy to some topics, types or aggregate types, for workers dedicated to them.
 *
 * Together the workers of a table must cover everything; nobody else looks after what all their filters leave out.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function filtered(strategy: FetchStrategy, filters: FetchFilters): FetchStrategy {
  // Parsed, thus a copy: what is done to the given object later changes nothing.
  const checked = validateOptions("filtered", filterOptions, filters, () =>
    isStrategy(strategy) ? [] : ["strategy: expected a fetch strategy, as leased() and optimistic() make them"],
  );
  return Object.freeze<FetchStrategy>({
    name: `filtered(${strategy.name})`,
    leaseMs: strategy.leaseMs,
    requires: strategy.requires,
    fetch: (repository, request) =>
      strategy.fetch(repository, { ...request, filters: bothOf(request.filters, checked) }),
  });
}

function isStrategy(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "fetch") === "function";
}

function bothOf(outer: FetchFilters | undefined, inner: z.output<typeof filterOptions>): FetchFilters {
  const both: Record<string, readonly string[]> = {};
  for (const field of ["topics", "types", "aggregateTypes"] as const) {
    const [a, b] = [outer?.[field], inner[field]];
    const values = a !== undefined && b !== undefined ? a.filter((value) => b.includes(value)) : (a ?? b);
    if (values !== undefined) both[field] = values;
  }
  return both;
}
