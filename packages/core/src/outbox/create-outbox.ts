import { z } from "zod";
import { defaults, limits } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { functionOption, objectWith, validateOptions } from "../errors/validate-options.js";
import { isSealedDraft, type OutboxEventDraft } from "../events/outbox-event-draft.js";
import type { AddedEvent, OutboxEventRepository } from "../protocols/outbox-event-repository.js";
import { type AddOptions, applyAddOptions } from "./apply-add-options.js";
import { checkDraft } from "./check-draft.js";
import { applyEventContext, type EventContextOption } from "./event-context.js";
import { createOutboxCounters, type OutboxMetricsSnapshot } from "./outbox-counters.js";

/** The producing side: events are added in the transaction that changes the data. */
export interface Outbox<Tx> {
  /**
   * Adds one event or many to the transaction, as one statement; they exist when it commits and not before.
   *
   * Order per key needs the aggregate to be locked, or its version read, earlier in the same transaction, or a repository that
   * locks the keys itself. Not idempotent, except for events with an idempotency key and for one draft given twice.
   *
   * @returns one entry per event, in the order given.
   * @throws {OmniBoxError} CONFIG.TRANSACTION_REQUIRED when `tx` is a client outside a transaction. Nothing was sent.
   * @throws {OmniBoxError} MESSAGE.INVALID_EVENT, MESSAGE.INVALID_PAYLOAD or MESSAGE.SCHEMA_MISMATCH when an event is not
   *   acceptable. Nothing was sent, none of the events is stored and the transaction is still usable.
   * @throws {OmniBoxError} CONFIG.STORE_NOT_READY when the database's bucket count is another; the transaction is still usable.
   * @throws the transaction client's own error when the statement failed; the database has then aborted the transaction.
   */
  add(
    tx: Tx,
    events: OutboxEventDraft | readonly OutboxEventDraft[],
    options?: AddOptions,
  ): Promise<readonly AddedEvent[]>;
}

/** An outbox that counts what is added through it. */
export interface CountingOutbox<Tx> extends Outbox<Tx> {
  /** The counters since it was created. */
  metrics(): OutboxMetricsSnapshot;
}

/** Options of {@link createOutbox}. */
export interface OutboxOptions<Tx, Root> {
  readonly repository: OutboxEventRepository<Tx, Root>;
  /** Largest payload as JSON text in UTF-8; default 1,048,576 bytes, at most 64 MiB. */
  readonly payloadMaxBytes?: number | undefined;
  /**
   * `true` (default): `add` is refused outside a transaction. `false` also accepts the plain client; the events are then
   * committed at once, by themselves, and atomicity with other writes is lost.
   */
  readonly strict?: boolean | undefined;
  /**
   * Tells what events take along from where they are added, such as a trace or a correlation id; default none. What an event, or
   * the options of `add`, say themselves wins; what breaks a limit is left out. When it throws, `add` rejects with that, and nothing was sent.
   */
  readonly context?: EventContextOption | undefined;
}

const outboxOptions = z.strictObject({
  repository: objectWith<OutboxEventRepository<unknown, unknown>>("an outbox repository", "add", "isTransaction"),
  payloadMaxBytes: z.int().min(1_024).max(67_108_864).default(limits.payloadMaxBytes),
  strict: z.boolean().default(defaults.strict),
  context: functionOption<EventContextOption>("()").optional(),
});

/**
 * Creates the outbox of a service.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createOutbox<Tx, Root = never>(
  options: OutboxOptions<Tx, Root> & { readonly strict: false },
): CountingOutbox<Tx | Root>;
export function createOutbox<Tx, Root = never>(options: OutboxOptions<Tx, Root>): CountingOutbox<Tx>;
export function createOutbox<Tx, Root>(options: OutboxOptions<Tx, Root>): CountingOutbox<Tx | Root> {
  const { payloadMaxBytes, strict, context } = validateOptions("createOutbox", outboxOptions, options);
  const { repository } = options;

  const counters = createOutboxCounters();

  async function check(
    client: Tx | Root,
    list: readonly OutboxEventDraft[],
    addOptions: AddOptions | undefined,
  ): Promise<readonly OutboxEventDraft[]> {
    if (strict && !repository.isTransaction(client)) throw transactionRequired();
    if (list.length > limits.addMaxEvents) throw tooMany(list.length);
    // A copy, since the list may change while schemas are asked; holes become undefined and are refused.
    const given = Array.from(list);
    if (!given.every(isSealedDraft)) throw notAnEvent();
    if (given.length === 0) return given;
    // Before anything is awaited, while the caller's context is that of this call.
    const drafts = applyEventContext(applyAddOptions(given, addOptions), context?.());
    for (const draft of drafts) await checkDraft(draft, payloadMaxBytes);
    return drafts;
  }

  return Object.freeze({
    async add(
      client: Tx | Root,
      events: OutboxEventDraft | readonly OutboxEventDraft[],
      addOptions?: AddOptions,
    ): Promise<readonly AddedEvent[]> {
      const list: readonly OutboxEventDraft[] = isList(events) ? events : [events];
      const drafts = await counters.check(list.length, () => check(client, list, addOptions));
      return drafts.length === 0 ? [] : counters.store(drafts.length, () => repository.add(client, drafts));
    },
    metrics: () => counters.snapshot(),
  });
}

function isList(events: OutboxEventDraft | readonly OutboxEventDraft[]): events is readonly OutboxEventDraft[] {
  return Array.isArray(events);
}

function transactionRequired(): OmniBoxError {
  return new OmniBoxError(
    "CONFIG.TRANSACTION_REQUIRED",
    "outbox.add was given a client outside a transaction. Pass the transaction's own client: " +
      "prisma.$transaction(async (tx) => { … await outbox.add(tx, event) }). " +
      "To store an event by itself, create the outbox with { strict: false }.",
  );
}

function notAnEvent(): OmniBoxError {
  return new OmniBoxError(
    "MESSAGE.INVALID_EVENT",
    "outbox.add takes events as OrderPlaced.create({ … }) or createOutboxEvent({ … }) made them, " +
      "and neither other objects nor changed copies, whose fields nobody has checked",
  );
}

function tooMany(count: number): OmniBoxError {
  return new OmniBoxError(
    "MESSAGE.INVALID_EVENT",
    `events must be at most ${limits.addMaxEvents} in one call of add, they are ${count}: call add several times`,
    { meta: { limit: limits.addMaxEvents, count } },
  );
}
