import type { StandardSchemaV1 } from "@standard-schema/spec";
import { z } from "zod";
import { defaults, limits } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { aggregateIdText } from "./aggregate-id.js";
import { assertEventInput } from "./assert-event-input.js";
import { createEventId } from "./event-id.js";
import { headersField } from "./headers-field.js";
import { type OutboxEventDraft, sealDraft } from "./outbox-event-draft.js";
import { copyPlainJson } from "./plain-json.js";
import { isStandardSchema, standardSchemaName } from "./standard-schema.js";
import { textField } from "./text-field.js";

/** What a single event may carry besides its content. */
export interface OutboxEventOptions {
  /** String pairs that travel with the message: at most 100, keys of 64 and values of 512 characters, 32,768 bytes together. Keys starting with `omni-` are reserved. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** At most 64 characters, as are the next two. */
  readonly traceId?: string | undefined;
  readonly correlationId?: string | undefined;
  /** The id of the event or command that caused this one. */
  readonly causationId?: string | undefined;
  /** At most 128 characters. A second event with the same key is not stored; its id is the same, so consumers drop it too. */
  readonly idempotencyKey?: string | undefined;
  /** Not published before; at most 365 days ahead. */
  readonly scheduledAt?: Date | undefined;
  /** Counted failures after which the event is `failed`; default 10. */
  readonly maxAttempts?: number | undefined;
}

/** Everything that makes an outbox event. */
export interface OutboxEventInput extends OutboxEventOptions {
  readonly type: string;
  readonly schemaVersion: string;
  readonly topic: string;
  readonly aggregateType: string;
  /** Numbers are stored as their decimal text; they must be whole and exact. */
  readonly aggregateId: string | number | bigint;
  /** Default: the aggregate id. */
  readonly partitionKey?: string | undefined;
  /** A plain JSON object. */
  readonly payload: unknown;
}

const millisecondsPerDay = 86_400_000;

const scheduledAt = z.date("must be a valid Date").superRefine((value, context) => {
  if (value.getTime() < 0) {
    const message = `must not be before 1970-01-01, it is ${value.toISOString().replace(/T.*/, "")}`;
    context.addIssue({ code: "custom", message });
  }
  const daysAhead = (value.getTime() - Date.now()) / millisecondsPerDay;
  if (daysAhead > limits.scheduledAtMaxDaysAhead) {
    const message = `must be at most ${limits.scheduledAtMaxDaysAhead} days ahead, it is ${Math.ceil(daysAhead)}`;
    context.addIssue({ code: "custom", message });
  }
});

const attempts = z.custom<number>(
  (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= limits.maxAttemptsMax,
  { error: ({ input }) => `must be a whole number from 1 to ${limits.maxAttemptsMax}, it is ${numberOrKind(input)}` },
);

const notAnId = (input: unknown) =>
  `must be a string, a BigInt or a whole number up to ${Number.MAX_SAFE_INTEGER}, it is ${numberOrKind(input)}`;

const fields = z.strictObject({
  type: textField(limits.eventTypeMaxLength, { maxBytes: limits.eventTypeMaxBytes }),
  schemaVersion: textField(limits.schemaVersionMaxLength),
  topic: textField(limits.topicMaxLength, { maxBytes: limits.topicMaxBytes }),
  aggregateType: textField(limits.aggregateTypeMaxLength),
  aggregateId: textField(limits.aggregateIdMaxLength, { refusal: notAnId }),
  partitionKey: textField(limits.partitionKeyMaxLength).optional(),
  headers: headersField.default({}),
  traceId: textField(limits.contextIdMaxLength).optional(),
  correlationId: textField(limits.contextIdMaxLength).optional(),
  causationId: textField(limits.contextIdMaxLength).optional(),
  idempotencyKey: textField(limits.idempotencyKeyMaxLength).optional(),
  scheduledAt: scheduledAt.optional(),
  maxAttempts: attempts.default(defaults.maxAttempts),
  // Copied and checked afterwards.
  payload: z.unknown().optional(),
});

/**
 * Makes a validated, frozen event without a definition. Prefer `defineEvent`, which also types the payload.
 *
 * @param schema - checked by `add`, if given
 * @throws {OmniBoxError} MESSAGE.INVALID_EVENT when a field breaks a limit: names each field, its limit and its actual size.
 * @throws {OmniBoxError} MESSAGE.INVALID_PAYLOAD when the payload is not plain JSON: names the path.
 */
export function createOutboxEvent(input: OutboxEventInput, schema: StandardSchemaV1 | null = null): OutboxEventDraft {
  assertEventInput(
    "createOutboxEvent",
    "createOutboxEvent({ type, schemaVersion, topic, aggregateType, aggregateId, payload })",
    input,
  );
  const parsed = fields.safeParse({ ...input, aggregateId: aggregateIdText(input.aggregateId) });
  if (!parsed.success) throw invalidEvent(input.type, parsed.error.issues.map(problemOf));
  if (schema !== null && !isStandardSchema(schema)) {
    throw invalidEvent(input.type, [`schema must be ${standardSchemaName}, or null`]);
  }

  const { data } = parsed;
  const copied = copyPlainJson("payload", data.payload);
  if (!copied.ok) throw invalidPayload(data.type, copied.problems);

  const { idempotencyKey = null } = data;
  // Field by field: copies of all fields but some took three times as long as all the rest.
  return sealDraft({
    id: createEventId(idempotencyKey),
    type: data.type,
    schemaVersion: data.schemaVersion,
    topic: data.topic,
    aggregateType: data.aggregateType,
    aggregateId: data.aggregateId,
    partitionKey: data.partitionKey ?? data.aggregateId,
    payload: copied.value,
    headers: Object.freeze({ ...data.headers }),
    traceId: data.traceId ?? null,
    correlationId: data.correlationId ?? null,
    causationId: data.causationId ?? null,
    idempotencyKey,
    // A copy, since dates can be changed in place.
    scheduledAt: data.scheduledAt === undefined ? null : new Date(data.scheduledAt),
    maxAttempts: data.maxAttempts,
    schema,
  });
}

const optionNames: ReadonlySet<string> = new Set<keyof OutboxEventOptions>([
  "headers",
  "traceId",
  "correlationId",
  "causationId",
  "idempotencyKey",
  "scheduledAt",
  "maxAttempts",
]);

/**
 * Refuses names that are no options of an event, which would otherwise be overruled without a word.
 *
 * @throws {OmniBoxError} MESSAGE.INVALID_EVENT that names them.
 */
export function assertEventOptions(type: string, given: object, ...alsoRefused: (keyof OutboxEventOptions)[]): void {
  const refused: ReadonlySet<string> = new Set(alsoRefused);
  const keys = Object.keys(given).filter((key) => !optionNames.has(key) || refused.has(key));
  if (keys.length > 0) throw invalidEvent(type, [unknownFields(keys)]);
}

function numberOrKind(value: unknown): string {
  return typeof value === "number" || value === null ? String(value) : typeof value;
}

function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") return unknownFields(issue.keys);
  return `${issue.path.map(String).join(".")} ${issue.message}`;
}

function unknownFields(names: readonly string[]): string {
  return `unknown field ${names.join(", ")}`;
}

/** The error for an event that cannot be made, with one sentence per problem. */
export function invalidEvent(type: unknown, problems: readonly string[]): OmniBoxError {
  const named = typeof type === "string" ? ` of type "${type.slice(0, limits.eventTypeMaxLength)}"` : "";
  return new OmniBoxError("MESSAGE.INVALID_EVENT", `the event${named} was not accepted: ${problems.join("; ")}`, {
    meta: { problems },
  });
}

function invalidPayload(type: string, problems: readonly { path: string; message: string }[]): OmniBoxError {
  const listed = problems.map(({ path, message }) => `${path} ${message}`);
  return new OmniBoxError(
    "MESSAGE.INVALID_PAYLOAD",
    `the payload of "${type}" was not accepted: ${listed.join("; ")}`,
    {
      meta: { problems: listed },
    },
  );
}
