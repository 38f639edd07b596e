import type { OutboxRepositoryCase } from "../outbox-repository-case.js";
import { acquiringCases } from "./acquiring.js";
import { headCases } from "./heads.js";
import { keepingCases } from "./keeping.js";
import { narrowingCases } from "./narrowing.js";
import { bucketOutcomeCases } from "./outcomes.js";
import { bucketRaceCases } from "./races.js";
import { readingCases } from "./reading.js";
import { bucketScheduleCases } from "./schedule/bucket-schedules.js";
import { scheduledCases } from "./scheduled.js";
import { staleFenceCases } from "./stale-fence.js";

/** The cases of `BucketOperations`, and of outcomes under a bucket fence. */
export const bucketCases: readonly OutboxRepositoryCase[] = [
  ...acquiringCases,
  ...keepingCases,
  ...readingCases,
  ...narrowingCases,
  ...scheduledCases,
  ...headCases,
  ...bucketOutcomeCases,
  ...staleFenceCases,
  ...bucketRaceCases,
  ...bucketScheduleCases,
];
