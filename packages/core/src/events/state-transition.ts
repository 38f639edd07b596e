import type { StandardSchemaV1 } from "@standard-schema/spec";
import { z } from "zod";
import { limits } from "../defaults.js";
import { validateOptions } from "../errors/validate-options.js";

/** What the state of an aggregate may be: a member of an enumeration, a text, a number or a flag. */
export type TransitionState = string | number | boolean;

/** The payload of the event that tells of a changed state. */
export interface StateTransition<State extends TransitionState | null = TransitionState | null> {
  readonly aggregateType: string;
  readonly aggregateId: string;
  /** `null` for an aggregate that was just created, and where the state may be absent. */
  readonly fromState: State | null;
  readonly toState: State;
  /** The aggregate's version after the change, from 0 to 2^53 - 1; `null` where it has none. */
  readonly version: number | null;
}

const stateList = z
  .array(z.union([z.string(), z.number(), z.boolean(), z.null()], "must be a string, a number, a boolean or null"))
  .min(1);

/**
 * The schema of an event that tells of a changed state, for `defineEvent`.
 *
 * @param states - every state that there is, for example `Object.values(OrderStatus)` or `["PENDING", "PAID"]`
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when there is none, or one of another kind.
 */
export function stateTransitionSchema<const State extends TransitionState | null>(
  states: readonly State[],
): StandardSchemaV1<StateTransition<State>, StateTransition<State>> {
  const known = validateOptions("stateTransitionSchema", stateList, states);
  const state = z.literal(known);
  const schema = z.object({
    aggregateType: z.string().max(limits.aggregateTypeMaxLength),
    aggregateId: z.string().max(limits.aggregateIdMaxLength),
    fromState: state.nullable(),
    toState: state,
    version: z.int().nonnegative().nullable(),
  });
  return schema as unknown as StandardSchemaV1<StateTransition<State>, StateTransition<State>>;
}
