import type { StandardSchemaV1 } from "@standard-schema/spec";
import { z } from "zod";
import { limits } from "../defaults.js";
import { expecting, functionOption, validateOptions } from "../errors/validate-options.js";
import { aggregateIdText } from "./aggregate-id.js";
import { assertEventOptions, createOutboxEvent, type OutboxEventOptions } from "./create-outbox-event.js";
import type { OutboxEventDraft } from "./outbox-event-draft.js";
import { textField } from "./text-field.js";

/** What makes a kind of event. */
export interface EventDefinitionOptions<Type extends string, Schema extends StandardSchemaV1> {
  /** At most 100 characters, by custom `noun.verb-in-the-past`. */
  readonly type: Type;
  /** Version of the payload's schema, at most 50 characters. */
  readonly version: string;
  /** Where it is published: the routing key. At most 255 characters. */
  readonly topic: string;
  /** What kind of thing the event is about, at most 50 characters. */
  readonly aggregateType: string;
  /** Any Standard Schema (https://standardschema.dev): zod, valibot, arktype and others. */
  readonly schema: Schema;
  /** Events with the same key stay in order. Default: the aggregate id. */
  readonly partitionKey?: ((event: PartitionKeyInput<Schema>) => string) | undefined;
}

/** What a partition key may be made of. */
export interface PartitionKeyInput<Schema extends StandardSchemaV1> {
  readonly aggregateId: string;
  readonly payload: StandardSchemaV1.InferInput<Schema>;
}

/** What `create` takes: the aggregate's id, the payload in the schema's input form, and the options of a single event. */
export interface CreateEventInput<Schema extends StandardSchemaV1> extends OutboxEventOptions {
  /** Numbers are stored as their decimal text; they must be whole and exact. */
  readonly aggregateId: string | number | bigint;
  readonly payload: StandardSchemaV1.InferInput<Schema>;
}

/** A kind of event: its name, version, address and the schema of its payload. */
export interface EventDefinition<Type extends string = string, Schema extends StandardSchemaV1 = StandardSchemaV1> {
  readonly type: Type;
  readonly version: string;
  readonly topic: string;
  readonly aggregateType: string;
  readonly schema: Schema;

  /**
   * Makes one event of this kind, to be given to `outbox.add`.
   *
   * Fields and plainness of the payload are checked here; the payload is checked against the schema by `add`.
   *
   * @throws {OmniBoxError} MESSAGE.INVALID_EVENT when a field breaks a limit.
   * @throws {OmniBoxError} MESSAGE.INVALID_PAYLOAD when the payload is not plain JSON.
   */
  create(input: CreateEventInput<Schema>): OutboxEventDraft;
}

const definitionOptions = z.strictObject({
  type: textField(limits.eventTypeMaxLength),
  version: textField(limits.schemaVersionMaxLength),
  topic: textField(limits.topicMaxLength),
  aggregateType: textField(limits.aggregateTypeMaxLength),
  schema: expecting<StandardSchemaV1>("a Standard Schema (zod, valibot, arktype, …)", isStandardSchema),
  partitionKey: functionOption<(event: never) => string>("(event) => string").optional(),
});

/**
 * Defines a kind of event once, for the service that publishes it and for those that consume it.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when the definition breaks a limit; lists all problems.
 */
export function defineEvent<const Type extends string, Schema extends StandardSchemaV1>(
  options: EventDefinitionOptions<Type, Schema>,
): EventDefinition<Type, Schema> {
  validateOptions("defineEvent", definitionOptions, options);
  const { type, version, topic, aggregateType, schema, partitionKey } = options;

  /** The event's own key, or `undefined` where the aggregate id is the key. */
  function keyOf(aggregateId: unknown, payload: StandardSchemaV1.InferInput<Schema>): string | undefined {
    if (partitionKey === undefined || typeof aggregateId !== "string") return undefined;
    // A function that forgot to answer must be refused, and not fall back to the aggregate id.
    return partitionKey({ aggregateId, payload }) ?? (null as unknown as string);
  }

  return Object.freeze({
    type,
    version,
    topic,
    aggregateType,
    schema,
    create({ aggregateId, payload, ...rest }: CreateEventInput<Schema>): OutboxEventDraft {
      assertEventOptions(type, rest);
      return createOutboxEvent(
        {
          ...rest,
          type,
          schemaVersion: version,
          topic,
          aggregateType,
          aggregateId,
          partitionKey: keyOf(aggregateIdText(aggregateId), payload),
          payload,
        },
        schema,
      );
    },
  });
}

function isStandardSchema(value: unknown): boolean {
  // Some libraries' schemas are functions.
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard: unknown = Reflect.get(value, "~standard");
  return typeof standard === "object" && standard !== null && typeof Reflect.get(standard, "validate") === "function";
}
