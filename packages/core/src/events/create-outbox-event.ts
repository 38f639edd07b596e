import type { StandardSchemaV1 } from "@standard-schema/spec";
import { z } from "zod";
import { defaults, limits } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { createEventId } from "./event-id.js";
import type { OutboxEventDraft } from "./outbox-event-draft.js";
import { copyPlainJson } from "./plain-json.js";

/** What a single event may carry besides its content. */
export interface OutboxEventOptions {
  /** String pairs that travel with the message: at most 100, keys of 64 and values of 512 characters. Keys starting with `omni-` are reserved. */
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
  /** Numbers are stored as their decimal text. */
  readonly aggregateId: string | number | bigint;
  /** Default: the aggregate id. */
  readonly partitionKey?: string | undefined;
  /** A plain JSON object. */
  readonly payload: unknown;
}

/** The prefix of header names that carry the event's own fields. */
export const reservedHeaderPrefix = "omni-";

const refusedText = /[\0\p{Surrogate}]/u;

const text = (max: number) =>
  z
    .string({ error: (issue) => `must be a string, it is ${issue.input === null ? "null" : typeof issue.input}` })
    .superRefine((value, context) => {
      const problem = textProblem(value, max);
      if (problem !== null) context.addIssue({ code: "custom", message: problem });
    });

function textProblem(value: string, max: number): string | null {
  if (value.length === 0) return "must not be empty";
  if (value.length > max) return `must have at most ${max} characters, it has ${value.length}`;
  return refusedText.test(value) ? "holds a NUL character or a lone surrogate" : null;
}

const headers = z.record(z.string(), z.string()).superRefine((value, context) => {
  const names = Object.keys(value);
  if (names.length > limits.headersMaxCount) {
    context.addIssue({
      code: "custom",
      message: `must be at most ${limits.headersMaxCount}, they are ${names.length}`,
    });
    return;
  }
  for (const name of names) {
    const shown = name.slice(0, limits.headerKeyMaxLength);
    const report = (message: string) => context.addIssue({ code: "custom", message, path: [shown] });
    const nameProblem = textProblem(name, limits.headerKeyMaxLength);
    if (nameProblem !== null) report(`the name ${nameProblem}`);
    if (name === "__proto__") report("must not be a header name");
    if (name.toLowerCase().startsWith(reservedHeaderPrefix))
      report(`names starting with "${reservedHeaderPrefix}" are reserved`);
    const length = value[name]?.length ?? 0;
    if (length > limits.headerValueMaxLength)
      report(`must have at most ${limits.headerValueMaxLength} characters, it has ${length}`);
    else if (refusedText.test(value[name] ?? "")) report("holds a NUL character or a lone surrogate");
  }
});

const millisecondsPerDay = 86_400_000;

const scheduledAt = z.date("must be a valid Date").superRefine((value, context) => {
  const daysAhead = (value.getTime() - Date.now()) / millisecondsPerDay;
  if (daysAhead > limits.scheduledAtMaxDaysAhead) {
    const message = `must be at most ${limits.scheduledAtMaxDaysAhead} days ahead, it is ${Math.ceil(daysAhead)}`;
    context.addIssue({ code: "custom", message });
  }
});

const fields = z.strictObject({
  type: text(limits.eventTypeMaxLength),
  schemaVersion: text(limits.schemaVersionMaxLength),
  topic: text(limits.topicMaxLength),
  aggregateType: text(limits.aggregateTypeMaxLength),
  aggregateId: text(limits.aggregateIdMaxLength),
  partitionKey: text(limits.partitionKeyMaxLength),
  headers: headers.default({}),
  traceId: text(limits.contextIdMaxLength).optional(),
  correlationId: text(limits.contextIdMaxLength).optional(),
  causationId: text(limits.contextIdMaxLength).optional(),
  idempotencyKey: text(limits.idempotencyKeyMaxLength).optional(),
  scheduledAt: scheduledAt.optional(),
  maxAttempts: z
    .int(`must be a whole number from 1 to ${limits.maxAttemptsMax}`)
    .min(1, `must be a whole number from 1 to ${limits.maxAttemptsMax}`)
    .max(limits.maxAttemptsMax, `must be a whole number from 1 to ${limits.maxAttemptsMax}`)
    .default(defaults.maxAttempts),
});

/**
 * Makes a validated, frozen event without a definition. Prefer `defineEvent`, which also types the payload.
 *
 * @param schema - checked by `add`, if given
 * @throws {OmniBoxError} MESSAGE.INVALID_EVENT when a field breaks a limit: names each field, its limit and its actual size.
 * @throws {OmniBoxError} MESSAGE.INVALID_PAYLOAD when the payload is not plain JSON: names the path.
 */
export function createOutboxEvent(input: OutboxEventInput, schema: StandardSchemaV1 | null = null): OutboxEventDraft {
  const { payload, ...rest } = input;
  const aggregateId = typeof rest.aggregateId === "string" ? rest.aggregateId : String(rest.aggregateId);
  const parsed = fields.safeParse({ ...rest, aggregateId, partitionKey: rest.partitionKey ?? aggregateId });
  if (!parsed.success) throw invalidEvent(input.type, parsed.error.issues);

  const copied = copyPlainJson("payload", payload);
  if (!copied.ok) throw invalidPayload(parsed.data.type, copied.problems);

  const { traceId = null, correlationId = null, causationId = null, idempotencyKey = null, ...required } = parsed.data;
  return Object.freeze({
    ...required,
    id: createEventId(idempotencyKey),
    headers: Object.freeze({ ...required.headers }),
    payload: copied.value,
    traceId,
    correlationId,
    causationId,
    idempotencyKey,
    // A copy, since dates can be changed in place.
    scheduledAt: required.scheduledAt === undefined ? null : new Date(required.scheduledAt),
    schema,
  });
}

function invalidEvent(type: unknown, issues: readonly z.core.$ZodIssue[]): OmniBoxError {
  const problems = issues.map((issue) => {
    if (issue.code === "unrecognized_keys") return `unknown field ${issue.keys.join(", ")}`;
    return `${issue.path.map(String).join(".")} ${issue.message}`;
  });
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
