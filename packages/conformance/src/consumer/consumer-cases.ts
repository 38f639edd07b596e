import { competitionCases } from "./competition.js";
import type { ConsumerCase } from "./consumer-case.js";
import { declarationCases } from "./declarations.js";
import { deliveryCases } from "./delivery.js";
import { lifecycleCases } from "./lifecycle.js";
import { outageCases } from "./outages.js";
import { prefetchCases } from "./prefetch.js";
import { queueDeletionCases } from "./queue-deletion.js";
import { settlingCases } from "./settling.js";

/** Every case of the contract of `EventConsumer`, for `runCases` or a test runner of your own. */
export const consumerCases: readonly ConsumerCase[] = [
  ...declarationCases,
  ...deliveryCases,
  ...prefetchCases,
  ...settlingCases,
  ...lifecycleCases,
  ...competitionCases,
  ...outageCases,
  ...queueDeletionCases,
];
