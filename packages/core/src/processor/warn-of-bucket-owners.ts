import { describeFailure } from "../errors/describe-failure.js";
import type { BucketOperations } from "../protocols/bucket-operations.js";
import type { Logger } from "../protocols/logger.js";
import type { FetchStrategy } from "./fetch-strategy.js";

/** What is looked at, and who is told. */
export interface BucketOwnersCheck {
  /** `undefined`: there are none, and nothing is looked at. */
  readonly buckets: Pick<BucketOperations<never>, "survey"> | undefined;
  readonly fetch: FetchStrategy;
  /** "this table", as it is called in the sentence. */
  readonly of: string;
  /** What happens while both strategies are at work. */
  readonly meanwhile: string;
  readonly logger: Logger;
}

/**
 * Warns when others own buckets whose rows this worker is going to lease: neither sees what the other has in hand.
 *
 * One statement, and none where buckets are owned or cannot be. The other way round nothing tells: leased rows are not indexed.
 */
export async function warnOfBucketOwners({ buckets, fetch, of, meanwhile, logger }: BucketOwnersCheck): Promise<void> {
  if (buckets === undefined || fetch.requires.includes("ownedBuckets")) return;
  try {
    const { workers } = await buckets.survey(0);
    if (workers.length === 0) return;
    logger.warn(
      { workers: workers.length, firstWorkerId: workers[0]?.id },
      `other workers own buckets of ${of}, or died less than a lease ago, and this one works with ${fetch.name}: ` +
        `while both run, ${meanwhile}. Use one strategy for all of them`,
    );
  } catch (error) {
    // A role that only leases rows may lack the rights; an outage is reported by the first claim.
    logger.debug({ ...describeFailure(error) }, `it could not be found out whether others own buckets of ${of}`);
  }
}
