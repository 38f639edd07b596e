import { z } from "zod";
import { defaults } from "../defaults.js";
import { milliseconds } from "../errors/validate-options.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { AdministeredEvent, EventFilter } from "../protocols/event-administration.js";

/**
 * Which failed events are requeued without a person. `codes` and `types` both have to match, where both are given; one of them has to be.
 *
 * An event that goes on failing is requeued again and again until it is as old as `maxAgeMs`: at most `maxAgeMs / afterMs` times.
 */
export interface RequeueRule {
  /** What `lastError` begins with, as "BROKER.UNROUTABLE"; for errors of handlers, as much of their text as is wanted. */
  readonly codes?: readonly string[] | undefined;
  /** Types of events. */
  readonly types?: readonly string[] | undefined;
  /** How long an event must have been failed; at least 60,000 ms. On the clocks of database and machine. */
  readonly afterMs: number;
  /** An event that was stored longer ago than this is left to people; more than `afterMs`; default 86,400,000 ms (24 hours). */
  readonly maxAgeMs?: number | undefined;
}

const wanted = z.array(z.string().min(1)).min(1);

/** The rules of {@link RequeueRule}. */
export const requeueRule = z
  .strictObject({
    codes: wanted.optional(),
    types: wanted.optional(),
    afterMs: milliseconds(60_000),
    maxAgeMs: milliseconds(1).default(defaults.requeueMaxAgeMs),
  })
  .refine(({ codes, types }) => codes !== undefined || types !== undefined, "needs codes, types or both")
  .refine(({ afterMs, maxAgeMs }) => maxAgeMs > afterMs, "maxAgeMs must be more than afterMs");

/** A rule with its defaults filled in. */
export type ResolvedRequeueRule = z.output<typeof requeueRule>;

/** The filters that together find all events that a rule may be about, at a time. */
export function filtersOf({ codes, types, maxAgeMs }: ResolvedRequeueRule, nowMs: number): readonly EventFilter[] {
  const filter: EventFilter = {
    statuses: ["failed"],
    createdFrom: new Date(nowMs - maxAgeMs),
    ...(types !== undefined && { types }),
  };
  return codes === undefined ? [filter] : codes.map((code) => ({ ...filter, errorContains: code }));
}

/** Whether a found event is one of those that a rule is about. */
export function isDue(
  { event: { lastError }, failedAt }: AdministeredEvent<BaseEvent>,
  { codes, afterMs }: ResolvedRequeueRule,
  nowMs: number,
): boolean {
  if (failedAt === null || failedAt.getTime() > nowMs - afterMs) return false;
  // The filter looks for the code anywhere.
  return codes === undefined || codes.some((code) => lastError?.startsWith(code));
}

/** Why an event was requeued, for its history. */
export function reasonOf({ codes, types, afterMs }: ResolvedRequeueRule): string {
  const about = [...(codes ?? []), ...(types ?? [])].join(", ");
  return `by a rule of the maintenance, ${afterMs} ms after it had failed: ${about}`.slice(0, 300);
}
