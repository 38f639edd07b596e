import { bucketCases } from "../../outbox/buckets/bucket-cases.js";
import type { OutboxRepositoryFeature } from "../../outbox/outbox-repository-harness.js";
import type { InboxRepositoryCase } from "../inbox-repository-case.js";
import { asOutbox } from "./as-outbox.js";
import { completeUnderBucketsCases } from "./complete-under-buckets.js";
import { groupCases } from "./groups.js";

/** What an inbox that owns buckets can do of what the cases of the outbox ask for. */
const possible: readonly OutboxRepositoryFeature[] = ["leasedClaim", "bulkOutcomes", "ownedBuckets", "keepPublished"];

/** The cases of the outbox that apply: no message has a schedule, and no transaction of an inbox adds pending events. */
const shared = bucketCases.filter(
  ({ id, requires = [] }) => !id.includes("scheduled") && requires.every((feature) => possible.includes(feature)),
);

/** The cases of `bucketsOf`, and of what is written under a fence of buckets. */
export const inboxBucketCases: readonly InboxRepositoryCase[] = [
  ...shared.map(
    ({ id, title, guarantee, requires = [], run }): InboxRepositoryCase => ({
      id: id.replace(/^outbox\./, "inbox."),
      title: `in a consumer group, ${title}`,
      ...(guarantee !== undefined && { guarantee }),
      requires: ["ownedBuckets", ...(requires.includes("leasedClaim") ? (["leasedClaim"] as const) : [])],
      run: (harness, features) =>
        run(
          asOutbox(harness),
          possible.filter(
            (feature) => feature === "keepPublished" || features.some((declared) => declared === feature),
          ),
        ),
    }),
  ),
  ...groupCases,
  ...completeUnderBucketsCases,
];
