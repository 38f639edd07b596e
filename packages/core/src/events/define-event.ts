import type { StandardSchemaV1 } from "@standard-schema/spec";
import { z } from "zod";
import { limits } from "../defaults.js";
import { kindOfError } from "../errors/kind-of-error.js";
import type { OmniBoxError } from "../errors/omni-box-error.js";
import { expecting, functionOption, validateOptions } from "../errors/validate-options.js";
import { aggregateIdText } from "./aggregate-id.js";
import { assertEventInput } from "./assert-event-input.js";
import {
  assertEventOptions,
  createOutboxEvent,
  invalidEvent,
  type OutboxEventInput,
  type OutboxEventOptions,
} from "./create-outbox-event.js";
import { type EventMigration, migrationList } from "./event-migration.js";
import type { OutboxEventDraft } from "./outbox-event-draft.js";
import { isStandardSchema, standardSchemaName } from "./standard-schema.js";
import { textField } from "./text-field.js";

/** What makes a kind of event. */
export interface EventDefinitionOptions<Type extends string, Schema extends StandardSchemaV1> {
  /** At most 100 characters and 255 bytes in UTF-8, by custom `noun.verb-in-the-past`. */
  readonly type: Type;
  /** Version of the payload's schema, at most 50 characters. */
  readonly version: string;
  /** Where it is published: the routing key. At most 255 characters and 255 bytes in UTF-8. */
  readonly topic: string;
  /** What kind of thing the event is about, at most 50 characters. */
  readonly aggregateType: string;
  /** Any Standard Schema (https://standardschema.dev): zod, valibot, arktype and others. */
  readonly schema: Schema;
  /** Events with the same key stay in order. Default: the aggregate id. */
  readonly partitionKey?: ((event: PartitionKeyInput<Schema>) => string) | undefined;
  /** How consumers turn payloads of other versions into this one, also over several steps; default none. */
  readonly migrations?: readonly EventMigration[] | undefined;
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
  readonly migrations: readonly EventMigration[];

  /**
   * Makes one event of this kind, to be given to `outbox.add`.
   *
   * Fields and plainness of the payload are checked here; the payload is checked against the schema by `add`.
   *
   * @throws {OmniBoxError} MESSAGE.INVALID_EVENT when a field breaks a limit, or the definition's `partitionKey` throws.
   * @throws {OmniBoxError} MESSAGE.INVALID_PAYLOAD when the payload is not plain JSON.
   */
  create(input: CreateEventInput<Schema>): OutboxEventDraft;
}

const definitionOptions = z.strictObject({
  type: textField(limits.eventTypeMaxLength, { maxBytes: limits.eventTypeMaxBytes }),
  version: textField(limits.schemaVersionMaxLength),
  topic: textField(limits.topicMaxLength, { maxBytes: limits.topicMaxBytes }),
  aggregateType: textField(limits.aggregateTypeMaxLength),
  schema: expecting<StandardSchemaV1>(standardSchemaName, isStandardSchema),
  partitionKey: functionOption<(event: never) => string>("(event) => string").optional(),
  migrations: migrationList.optional(),
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
  const { type, version, topic, aggregateType, schema, partitionKey, migrations = [] } = options;

  /** The event with its own key; without one where the aggregate id is the key. */
  function withKey(event: OutboxEventInput): OutboxEventInput {
    const aggregateId = aggregateIdText(event.aggregateId);
    if (partitionKey === undefined || typeof aggregateId !== "string") return event;
    const payload = event.payload as StandardSchemaV1.InferInput<Schema>;
    try {
      // A function that forgot to answer must be refused, and not fall back to the aggregate id.
      return { ...event, partitionKey: partitionKey({ aggregateId, payload }) ?? (null as unknown as string) };
    } catch (error) {
      // What is wrong with the event itself explains the failure better, and is thrown here.
      createOutboxEvent(event, schema);
      throw keyFailed(type, error);
    }
  }

  return Object.freeze({
    type,
    version,
    topic,
    aggregateType,
    schema,
    migrations: Object.freeze(migrations.map((migration) => Object.freeze({ ...migration }))),
    create(input: CreateEventInput<Schema>): OutboxEventDraft {
      assertEventInput(`create of "${type}"`, "create({ aggregateId, payload })", input);
      const { aggregateId, payload, ...rest } = input;
      assertEventOptions(type, rest);
      const event = { ...rest, type, schemaVersion: version, topic, aggregateType, aggregateId, payload };
      return createOutboxEvent(withKey(event), schema);
    },
  });
}

function keyFailed(type: string, error: unknown): OmniBoxError {
  return invalidEvent(type, [
    `the partitionKey function of its definition threw ${kindOfError(error)}, whose words are not shown since they may ` +
      "hold data. Mend the function, or the event that it cannot take",
  ]);
}
