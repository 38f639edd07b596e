import {
  type AddedEvent,
  type BucketOperations,
  type BucketReadRequest,
  type ClaimRequest,
  type DueQuery,
  type InboxEvent,
  type InboxEventRepository,
  type LeaseRequest,
  OmniBoxError,
  type OutboxEvent,
  type OutboxEventDraft,
  type OutboxEventRepository,
} from "@omni-box/core";
import type { OutboxRepositoryHarness } from "../../outbox/outbox-repository-harness.js";
import type { InboxRepositoryHarness } from "../inbox-repository-harness.js";
import { rowOf, sampleMessage } from "../sample-message.js";

/** The group of which the events are that the cases of the outbox add. */
const consumerGroup = "shipping";

/**
 * One consumer group of an inbox as an outbox, so that the cases of owned buckets need not be written twice.
 *
 * What is added is stored at once, there being no transaction that adds pending events to an inbox.
 */
export function asOutbox(harness: InboxRepositoryHarness<unknown>): OutboxRepositoryHarness<unknown> {
  return {
    createRepository: ({ onPublished }) => groupAsOutbox(harness.createRepository(), onPublished),
    transaction: (work) => work(null),
    advanceTime: (ms) => harness.advanceTime(ms),
    close: () => harness.close(),
  };
}

function groupAsOutbox(
  inbox: InboxEventRepository<unknown>,
  onPublished: "delete" | "keep",
): OutboxEventRepository<unknown> {
  const buckets = inbox.bucketsOf?.(consumerGroup);

  /** Two statements, however many events: cases add thousands. */
  async function add(drafts: readonly OutboxEventDraft[]): Promise<readonly AddedEvent[]> {
    await inbox.store(drafts.map((draft) => rowOf(messageOf(draft))));
    const due = await inbox.findDue({ limit: 100_000, filters: { consumerGroup } });
    const seqs = new Map(due.map(({ id, seq }) => [id, seq]));
    return drafts.map(({ id }) => ({ id, seq: seqs.get(id) ?? null, duplicate: !seqs.has(id) }));
  }

  return {
    capabilities: inbox.capabilities,
    ...(buckets && { buckets: bucketsAsOutbox(buckets) }),
    isTransaction: () => true,
    add: (_tx, drafts) => add(drafts),
    verify: () => inbox.verify(),
    async findById(id) {
      const event = await inbox.findById(id);
      return event === null || (event.status === "completed" && onPublished === "delete") ? null : eventOf(event);
    },
    findDue: async (query: DueQuery) => (await inbox.findDue(query)).map(eventOf),
    claim: async (request: ClaimRequest) => (await inbox.claim(request)).map(eventOf),
    async lock(id: string, lease: LeaseRequest) {
      const event = await inbox.lock(id, lease);
      return event && eventOf(event);
    },
    extendLease: (fence, rows, leaseMs) => inbox.extendLease(fence, rows, leaseMs),
    async forceUnlock(id, reason) {
      const event = await inbox.forceUnlock(id, reason);
      return event && eventOf(event);
    },
    recordCompleted: (fence, rows) => inbox.recordCompleted(fence, rows),
    recordPending: (fence, rows) => inbox.recordPending(fence, rows),
    recordFailed: (fence, rows) => inbox.recordFailed(fence, rows),
  };
}

function bucketsAsOutbox(buckets: BucketOperations<InboxEvent>): BucketOperations<OutboxEvent> {
  return {
    ...buckets,
    async read(request: BucketReadRequest) {
      const { rows, writers } = await buckets.read(request);
      return { rows: rows.map(({ event, isDue }) => ({ event: eventOf(event), isDue })), writers };
    },
  };
}

function messageOf({ id, partitionKey, payload, headers, maxAttempts, scheduledAt }: OutboxEventDraft) {
  if (scheduledAt !== null) throw new OmniBoxError("CONFIG.INVALID_OPTIONS", "messages of an inbox have no schedule");
  return sampleMessage({ id, messageId: id, consumerGroup, partitionKey, payload, headers, maxAttempts });
}

function eventOf(event: InboxEvent): OutboxEvent {
  return { ...event, aggregateType: "order", aggregateId: event.partitionKey };
}
