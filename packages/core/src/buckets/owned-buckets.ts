import { z } from "zod";
import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { milliseconds, validateOptions } from "../errors/validate-options.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { FetchStrategy } from "../processor/fetch-strategy.js";
import type { BucketOperations } from "../protocols/bucket-operations.js";
import type { EventRepository } from "../protocols/event-repository.js";
import { createBucketSession } from "./bucket-session.js";

/** Options of {@link ownedBuckets}. */
export interface OwnedBucketsOptions {
  /** How long a worker owns its buckets without a sign of life; default 30,000 ms, at least 1,000 ms. Renewed every third of it. */
  readonly leaseMs?: number | undefined;
  /**
   * How long a lease must have been over before another worker takes the bucket; default 0 ms. Together with the publish
   * time-out it should outlast three heartbeats of the broker's connection: then a worker that was paused finds its connection
   * closed before it can publish what its successor has published.
   */
  readonly takeoverGraceMs?: number | undefined;
  /**
   * What a failed event means for the later ones of its key. `block` (default): they wait until it is requeued or removed.
   * `skip`: they go on as soon as the failure is recorded; across a take-over the failed event may then still arrive late.
   */
  readonly onFailedKey?: "block" | "skip" | undefined;
  /**
   * Events of one key in flight at once; default 1. More are faster where few keys carry all the traffic, at a risk: when one
   * of them is refused, or its confirm is lost, those behind it may arrive before it.
   */
  readonly inFlightPerKey?: number | undefined;
}

const ownedBucketsOptions = z.strictObject({
  leaseMs: milliseconds(1_000).default(defaults.leaseMs),
  takeoverGraceMs: milliseconds(0).default(defaults.takeoverGraceMs),
  onFailedKey: z.enum(["block", "skip"]).default("block"),
  inFlightPerKey: z.int().min(1).max(1_000).default(1),
});

/**
 * Divides the buckets of the table among the living workers; each reads the events of its own without writing to them. In an
 * inbox they are the buckets of one consumer group, divided among the workers of this group.
 *
 * The events of a partition key are worked on in the order of their `seq`, one at a time, also across batches, retries and
 * changes of owner. An event that does not complete holds the later ones of its key back. Events that were added with
 * `scheduledAt` are no part of that order before their time has come, and hold nothing back.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function ownedBuckets(options: OwnedBucketsOptions = {}): FetchStrategy {
  const resolved = validateOptions("ownedBuckets", ownedBucketsOptions, options);
  return Object.freeze<FetchStrategy>({
    name: "ownedBuckets",
    leaseMs: resolved.leaseMs,
    takeoverGraceMs: resolved.takeoverGraceMs,
    requires: ["ownedBuckets"],
    open(repository, worker) {
      const operations = bucketsFor(repository, worker.consumerGroup);
      return createBucketSession({ repository, operations, worker, options: resolved });
    },
  });
}

function bucketsFor<E extends BaseEvent>(
  repository: EventRepository<E>,
  consumerGroup: string | undefined,
): BucketOperations<E> {
  const buckets = consumerGroup === undefined ? repository.buckets : repository.bucketsOf?.(consumerGroup);
  if (buckets !== undefined) return buckets;
  throw new OmniBoxError("CONFIG.UNSUPPORTED_CAPABILITY", whyNoBuckets(repository, consumerGroup));
}

function whyNoBuckets(repository: { readonly bucketsOf?: unknown }, consumerGroup: string | undefined): string {
  if (consumerGroup !== undefined) return "the repository has no buckets of consumer groups";
  if (repository.bucketsOf === undefined) return "the repository declares ownedBuckets, but has no buckets";
  return "each consumer group has buckets of its own: use filtered(ownedBuckets(), { consumerGroup })";
}
