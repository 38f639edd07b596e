import { AssertionError } from "node:assert";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { EventDefinition } from "../events/define-event.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import type { OutboxEventDraft } from "../events/outbox-event-draft.js";
import { type CountingOutbox, createOutbox } from "../outbox/create-outbox.js";
import type { EventContextOption } from "../outbox/event-context.js";
import type { Clock } from "../protocols/clock.js";
import type { OutboxEventRepository } from "../protocols/outbox-event-repository.js";
import { type ExpectedEvent, expectOutboxEvent, listEvents } from "./expect-outbox-event.js";
import { createMemoryOutboxRepository, type MemoryOutboxRepository } from "./memory-outbox-repository.js";
import type { MemoryTransaction } from "./memory-transaction.js";

/**
 * An outbox for tests of an application: it validates like the real one and remembers what was added.
 *
 * As transaction it takes any object, so that the application can run on a stand-in of its database; the events then
 * count as committed at once. A Prisma client outside a transaction is refused as in production. For real roll-backs
 * give it transactions of `repository.transaction(…)`, or of an inbox in memory.
 */
export interface MemoryOutbox extends CountingOutbox<unknown> {
  /** Where the events are; hand it to a relay to test the way to a broker too. */
  readonly repository: MemoryOutboxRepository;
  /** The events that were added and committed, oldest first. */
  readonly added: readonly OutboxEvent[];

  /**
   * Asserts that a matching event was added; parts of the payload may be left out.
   *
   * @returns the events that match.
   * @throws {AssertionError} that lists every event with its type, id and differing paths.
   */
  expectAdded<Type extends string, Schema extends StandardSchemaV1>(
    definition: EventDefinition<Type, Schema>,
    expected?: ExpectedEvent<StandardSchemaV1.InferInput<Schema>>,
  ): readonly OutboxEvent[];

  /**
   * Asserts that no event was added and committed.
   *
   * @throws {AssertionError} that lists the events.
   */
  expectNothingAdded(): void;
}

/** Options of {@link createMemoryOutbox}. */
export interface MemoryOutboxOptions {
  /** Dates the events; default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Largest payload as JSON text; default as for `createOutbox`. */
  readonly payloadMaxBytes?: number | undefined;
  /** What events take along; default none, as for `createOutbox`. */
  readonly context?: EventContextOption | undefined;
}

/**
 * Creates an outbox for tests of an application.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createMemoryOutbox({ clock, payloadMaxBytes, context }: MemoryOutboxOptions = {}): MemoryOutbox {
  const repository = createMemoryOutboxRepository({ clock, onPublished: "keep" });
  const outbox = createOutbox({ repository: acceptingAnyTransaction(repository), payloadMaxBytes, context });

  return Object.freeze({
    repository,
    add: outbox.add,
    metrics: outbox.metrics,
    get added() {
      return repository.all();
    },
    expectAdded<Type extends string, Schema extends StandardSchemaV1>(
      definition: EventDefinition<Type, Schema>,
      expected?: ExpectedEvent<StandardSchemaV1.InferInput<Schema>>,
    ): readonly OutboxEvent[] {
      return expectOutboxEvent(repository.all(), definition, expected);
    },
    expectNothingAdded(): void {
      const events = repository.all();
      if (events.length === 0) return;
      throw new AssertionError({
        message: [`expected no event to be added, found ${events.length}:`, ...listEvents(events)].join("\n"),
        operator: "expectNothingAdded",
      });
    },
  });
}

function acceptingAnyTransaction(repository: MemoryOutboxRepository): OutboxEventRepository<unknown> {
  const isOwn = (client: unknown): client is MemoryTransaction => repository.isTransaction(client as MemoryTransaction);
  return {
    ...repository,
    isTransaction: (client: unknown) => isOwn(client) || (isObject(client) && !hasConnect(client)),
    add: (client: unknown, drafts: readonly OutboxEventDraft[]) =>
      repository.add(isOwn(client) ? client : repository.client, drafts),
  };
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" || typeof value === "function") && value !== null;
}

/** Only Prisma's client outside a transaction can connect. */
function hasConnect(client: object): boolean {
  return typeof Reflect.get(client, "$connect") === "function";
}
