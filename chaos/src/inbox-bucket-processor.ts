import {
  createEventRouter,
  createInboxProcessor,
  type InboxEventRepository,
  type InboxProcessor,
  ownedBuckets,
  PermanentError,
  silentLogger,
} from "@omni-box/core";
import type { PrismaTransactionLike } from "@omni-box/prisma";

/** Short, since each kill costs a lease and the grace. */
export const inboxBucketTimes = Object.freeze({ leaseMs: 1_500, takeoverGraceMs: 300 });

/** The group whose events are handled. */
export const killedGroup = "killed";

/** What is different about one that is to be killed. */
export interface InboxBucketProcessorParts<Tx extends PrismaTransactionLike> {
  readonly repository: InboxEventRepository<Tx>;
  readonly schema: string;
  readonly workerId: string;
  /** How long an event that was refused backs off; default 50 ms. */
  readonly retryDelayMs?: number;
  /** Called when an event's effect has been written, in its transaction. */
  readonly afterWrite?: (type: string) => Promise<void>;
}

/**
 * A processor that owns buckets. Its handlers write one row into `ordered_effect`; events of the type `refused` fail once, those of
 * the type `hopeless` for good.
 */
export function createInboxBucketProcessor<Tx extends PrismaTransactionLike>(
  parts: InboxBucketProcessorParts<Tx>,
): InboxProcessor {
  const { repository, schema, workerId, retryDelayMs = 50, afterWrite } = parts;
  const router = createEventRouter<Tx>();
  for (const type of ["plain", "refused", "hopeless", "held"]) {
    router.on({ type, topic: schema }, async ({ partitionKey, payload }, { tx, attempt }) => {
      const sql = `INSERT INTO "${schema}".ordered_effect (key, number) VALUES ($1, $2::integer)`;
      await tx.$executeRawUnsafe(sql, partitionKey, payload.number);
      if (type === "refused" && attempt === 1) throw new Error("it is refused once");
      if (type === "hopeless") throw new PermanentError("it can never be handled");
      await afterWrite?.(type);
    });
  }
  return createInboxProcessor({
    repository,
    consumerGroup: killedGroup,
    router,
    fetch: ownedBuckets(inboxBucketTimes),
    retry: { delayMs: () => retryDelayMs },
    concurrency: 5,
    batchSize: 20,
    pollMaxMs: 100,
    workerId,
    logger: silentLogger,
  });
}
