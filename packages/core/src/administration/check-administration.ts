import { z } from "zod";
import { defaults, limits } from "../defaults.js";
import { sanitizeFailureMessage } from "../errors/describe-failure.js";
import { milliseconds, validateOptions } from "../errors/validate-options.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { EventAdministration, EventChangeRequest } from "../protocols/event-administration.js";

const texts = z.array(z.string()).optional();
const consumerGroup = z.string().optional();
const fetchFilters = { topics: texts, types: texts, aggregateTypes: texts, consumerGroup, sources: texts };

const filter = z.strictObject({
  ...fetchFilters,
  ids: z.array(z.string()).max(limits.changeMaxEvents).optional(),
  statuses: z.array(z.enum(["pending", "completed", "failed"])).optional(),
  partitionKeys: texts,
  errorContains: z.string().min(1).optional(),
  createdFrom: z.date().optional(),
  createdBefore: z.date().optional(),
});

const atMost = (most: number) => z.int().min(1).max(most);

const listQuery = z.strictObject({
  filter,
  limit: atMost(limits.listMax),
  order: z.enum(["oldest", "newest"]).optional(),
  after: z.bigint().optional(),
});
const changeRequest = z.strictObject({
  filter,
  reason: z.string().max(limits.historyNoteMaxLength).optional(),
  limit: atMost(limits.changeMaxEvents),
  dryRun: z.boolean().optional(),
});
const blockedKeysQuery = z.strictObject({
  limit: atMost(limits.blockedKeysMax),
  consumerGroup,
});
const statisticsQuery = z.strictObject({
  countLimit: atMost(limits.countLimitMax).default(defaults.countLimit),
  consumerGroup,
});
const removeOldRequest = z.strictObject({
  status: z.enum(["completed", "failed"]),
  olderThanMs: z.int().min(0).max(limits.ageMaxMs),
  limit: atMost(limits.changeMaxEvents),
  consumerGroup,
  onlyDeadLettered: z.boolean().optional(),
});
const releaseRequest = z.strictObject({ limit: atMost(limits.changeMaxEvents) });
const takeRequest = z.strictObject({
  limit: atMost(limits.takeDeadLettersMax),
  leaseMs: milliseconds(1),
  filters: z.strictObject(fetchFilters).optional(),
});

/**
 * Puts the limits of {@link EventAdministration} in front of a store's own: what breaks one is refused with
 * CONFIG.INVALID_OPTIONS before the store is asked. For adapters; what their methods get is valid, and its `reason` sanitised.
 */
export function checkAdministration<E extends BaseEvent>(store: EventAdministration<E>): EventAdministration<E> {
  const change = (method: "requeue" | "skip" | "purge") => async (request: EventChangeRequest) => {
    validateOptions(method, changeRequest, request);
    const { reason } = request;
    return store[method](reason === undefined ? request : { ...request, reason: sanitizeFailureMessage(reason) });
  };
  return Object.freeze<EventAdministration<E>>({
    async list(query) {
      validateOptions("list", listQuery, query);
      return store.list(query);
    },
    find: (id) => store.find(id),
    requeue: change("requeue"),
    skip: change("skip"),
    purge: change("purge"),
    async blockedKeys(query) {
      validateOptions("blockedKeys", blockedKeysQuery, query);
      return store.blockedKeys(query);
    },
    async statistics(query = {}) {
      const { countLimit } = validateOptions("statistics", statisticsQuery, query);
      return store.statistics({ ...query, countLimit });
    },
    async removeOld(request) {
      validateOptions("removeOld", removeOldRequest, request);
      return store.removeOld(request);
    },
    async releaseExpiredLeases(request) {
      validateOptions("releaseExpiredLeases", releaseRequest, request);
      return store.releaseExpiredLeases(request);
    },
    async takeDeadLetters(request) {
      validateOptions("takeDeadLetters", takeRequest, request);
      return store.takeDeadLetters(request);
    },
    recordDeadLettered: (rows) => store.recordDeadLettered(rows),
    recordDeadLetterFailed: (rows) => store.recordDeadLetterFailed(rows),
  });
}
