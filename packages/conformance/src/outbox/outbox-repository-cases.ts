import { bulkOutcomeCases } from "./bulk-outcomes.js";
import { capabilityCases } from "./capabilities.js";
import { claimCases } from "./claim.js";
import { contentCases } from "./content.js";
import { duplicateCases } from "./duplicates.js";
import { findDueCases } from "./find-due.js";
import { leaseCases } from "./leases.js";
import { lostLeaseCases } from "./lost-lease.js";
import type { OutboxRepositoryCase } from "./outbox-repository-case.js";
import { outcomeCases } from "./outcomes.js";
import { parallelClaimCases } from "./parallel-claims.js";
import { randomScheduleCases } from "./schedule/random-schedules.js";
import { transactionCases } from "./transactions.js";

/** Every case of the contract of `OutboxEventRepository`, for `runCases` or a test runner of your own. */
export const outboxRepositoryCases: readonly OutboxRepositoryCase[] = [
  ...capabilityCases,
  ...transactionCases,
  ...duplicateCases,
  ...contentCases,
  ...findDueCases,
  ...claimCases,
  ...parallelClaimCases,
  ...outcomeCases,
  ...bulkOutcomeCases,
  ...leaseCases,
  ...lostLeaseCases,
  ...randomScheduleCases,
];
