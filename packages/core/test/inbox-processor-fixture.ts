import { createInboxEventId, type InboxEventDraft } from "../src/events/inbox-event-draft.js";
import { createInboxProcessor } from "../src/inbox/create-inbox-processor.js";
import type { InboxProcessorOptions } from "../src/inbox/inbox-processor-options.js";
import type { InboxRow } from "../src/protocols/inbox-event-repository.js";
import { createEventRouter } from "../src/routing/create-event-router.js";
import type { HandlerContext } from "../src/routing/handler-context.js";
import type { EventHandlerResult } from "../src/routing/handler-result.js";
import { createManualClock } from "../src/testing/manual-clock.js";
import { createMemoryInboxRepository } from "../src/testing/memory-inbox-repository.js";
import type { MemoryTransaction } from "../src/testing/memory-transaction.js";
import { captureLogger } from "./captured-logger.js";
import { driveUntil, driveUntilSettled } from "./drive-clock.js";
import { inboxOfProcess } from "./inbox-of-process.js";

/** What a handler does before the effect of its message is written. */
export type Handle = (
  messageId: string,
  context: HandlerContext<MemoryTransaction>,
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler may return nothing
) => Promise<void | EventHandlerResult>;

type Options = Partial<InboxProcessorOptions<MemoryTransaction, undefined>>;

/** A received message of the group "shipping", told apart by its id. */
export function inboxRow(messageId: string, changes: Partial<InboxEventDraft & InboxRow> = {}): InboxRow {
  const {
    status = "pending",
    attemptsMade = 0,
    startedAttempts = 0,
    delayMs = null,
    error = null,
    ...fields
  } = changes;
  const draft: InboxEventDraft = {
    id: createInboxEventId(),
    messageId,
    consumerGroup: "shipping",
    source: "shipping.orders",
    type: "order.placed",
    schemaVersion: "1",
    topic: "orders",
    partitionKey: messageId,
    payload: {},
    headers: {},
    traceId: null,
    correlationId: null,
    causationId: null,
    maxAttempts: 10,
    senderSeq: null,
    body: null,
    ...fields,
  };
  return { draft, status, attemptsMade, startedAttempts, delayMs, error };
}

/** An inbox in memory on a manual clock, and as many processors over it as a test starts, each like a process of its own. */
export function createInboxProcessorFixture() {
  const clock = createManualClock();
  const inbox = createMemoryInboxRepository({ clock });
  /** The messages whose effects were committed, in order, repetitions included. */
  const effects: string[] = [];

  function process(handle: Handle = async () => undefined, options: Options = {}) {
    const repository = inboxOfProcess(inbox);
    const logger = captureLogger();
    const router = createEventRouter<MemoryTransaction>().on(
      { type: "order.placed", topic: "orders" },
      async ({ messageId }, context) => {
        const result = await handle(messageId, context);
        context.tx.onCommit(() => effects.push(messageId));
        return result;
      },
    );
    const parts = { repository, router, consumerGroup: "shipping", clock, logger };
    const processor = createInboxProcessor({ ...parts, ...options });
    return { processor, repository, logger };
  }

  return {
    clock,
    inbox,
    effects,
    process,
    store: (...rows: readonly (string | InboxRow)[]) =>
      inbox.store(rows.map((row) => (typeof row === "string" ? inboxRow(row) : row))),
    row(messageId: string) {
      const found = inbox.all().find((event) => event.messageId === messageId);
      if (found === undefined) throw new Error(`there is no message ${messageId}`);
      return found;
    },
    settle: <T>(promise: Promise<T>, stepMs = 10) => driveUntilSettled(clock, promise, { stepMs }),
    until: (isTrue: () => boolean, stepMs = 10) => driveUntil(clock, isTrue, { stepMs }),
    /** Lets everything run that needs no time. */
    breathe: () => clock.advance(0),
    /** Resolves after that time on the manual clock. */
    after: (ms: number) => new Promise<void>((resolve) => clock.schedule(ms, resolve)),
  };
}

/** Never settles. */
export const forEver = () => new Promise<never>(() => undefined);
