import { describeFailure } from "../errors/describe-failure.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import type { FetchStrategy } from "../processor/fetch-strategy.js";
import type { EventRepository } from "../protocols/event-repository.js";
import type { Logger } from "../protocols/logger.js";

/** What is looked at, and who is told. */
export interface BucketOwnersCheck {
  readonly repository: EventRepository<OutboxEvent>;
  readonly fetch: FetchStrategy;
  readonly logger: Logger;
}

/**
 * Warns when others own buckets of a table whose rows this worker is going to lease: neither sees what the other has in hand.
 *
 * One statement, and none where buckets are owned or cannot be. The other way round nothing tells: leased rows are not indexed.
 */
export async function warnOfBucketOwners({ repository, fetch, logger }: BucketOwnersCheck): Promise<void> {
  const { buckets } = repository;
  if (buckets === undefined || fetch.requires.includes("ownedBuckets")) return;
  try {
    const { workers } = await buckets.survey(0);
    if (workers.length === 0) return;
    logger.warn(
      { workers: workers.length, firstWorkerId: workers[0]?.id },
      `other workers own buckets of this table, or died less than a lease ago, and this relay works with ${fetch.name}: ` +
        "while both run, events are published twice and keys lose their order. Use one strategy for all relays of a table",
    );
  } catch (error) {
    // A role that only leases rows may lack the rights; an outage is reported by the first claim.
    logger.debug({ ...describeFailure(error) }, "it could not be found out whether others own buckets of this table");
  }
}
