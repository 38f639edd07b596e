import { AssertionError } from "node:assert";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { EventDefinition } from "../events/define-event.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { type DeepPartial, findDifferences, show } from "./find-differences.js";

/** What an event has to look like; fields left out, and parts of the payload left out, are not compared. */
export interface ExpectedEvent<Payload> {
  readonly payload?: DeepPartial<Payload>;
  readonly aggregateId?: string;
  readonly partitionKey?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly traceId?: string | null;
  readonly correlationId?: string | null;
  readonly causationId?: string | null;
  readonly idempotencyKey?: string | null;
  readonly scheduledAt?: Date | null;
  /** How many events have to match, 0 included; left out: at least one. */
  readonly times?: number;
}

const maxListed = 20;

/**
 * Asserts that the events hold one of the given kind that matches, for any list of stored events:
 * `expectOutboxEvent(await repository.findDue({ limit: 100 }), OrderPlaced, { payload: { customer: "Ada" } })`.
 *
 * @returns the events that match.
 * @throws {AssertionError} that lists every event with its type, id and differing paths. Payload values are shown.
 */
export function expectOutboxEvent<Type extends string, Schema extends StandardSchemaV1>(
  events: readonly OutboxEvent[],
  definition: EventDefinition<Type, Schema>,
  expected: ExpectedEvent<StandardSchemaV1.InferInput<Schema>> = {},
): readonly OutboxEvent[] {
  const { times, ...fields } = expected;
  const wanted = { schemaVersion: definition.version, topic: definition.topic, ...fields };
  const matching = events.filter((event) => differencesOf(event, definition.type, wanted).length === 0);
  if (times === undefined ? matching.length > 0 : matching.length === times) return matching;
  const listed = events.map((event) => describeEvent(event, differencesOf(event, definition.type, wanted)));
  throw new AssertionError({
    message: [headline(definition.type, fields, times, matching.length), ...shorten(listed)].join("\n"),
    operator: "expectOutboxEvent",
  });
}

/** The list of events in the words of a failure message. */
export function listEvents(events: readonly OutboxEvent[]): readonly string[] {
  return shorten(events.map((event) => describeEvent(event, [`payload is ${show(event.payload)}`])));
}

function differencesOf(event: OutboxEvent, type: string, wanted: object): readonly string[] {
  if (event.type !== type) return ["is of another type"];
  return Object.entries(wanted).flatMap(([field, value]) => findDifferences(Reflect.get(event, field), value, field));
}

function headline(type: string, fields: object, times: number | undefined, found: number): string {
  const wanted = times === undefined ? "at least one event" : times === 1 ? "one event" : `${times} events`;
  const condition = Object.keys(fields).length === 0 ? "" : ` with ${show(fields)}`;
  return `expected ${wanted} of type "${type}"${condition}, found ${found}:`;
}

function describeEvent({ type, id }: OutboxEvent, details: readonly string[]): string {
  return `  - ${type} ${id} ${details.length === 0 ? "matches" : details.join("; ")}`;
}

function shorten(lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return ["  (there are no events)"];
  if (lines.length <= maxListed) return lines;
  return [...lines.slice(0, maxListed), `  … and ${lines.length - maxListed} more`];
}
