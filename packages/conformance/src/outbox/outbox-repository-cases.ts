import { repositoryCases } from "../repository/repository-cases.js";
import { bucketCases } from "./buckets/bucket-cases.js";
import { capabilityCases } from "./capabilities.js";
import { claimCases } from "./claim.js";
import { contentCases } from "./content.js";
import { duplicateCases } from "./duplicates.js";
import { findDueCases } from "./find-due.js";
import type { OutboxRepositoryCase } from "./outbox-repository-case.js";
import type { OutboxRepositoryHarness } from "./outbox-repository-harness.js";
import { openOutbox } from "./outbox-scenario.js";
import { outcomeCases } from "./outcomes.js";
import { parallelClaimCases } from "./parallel-claims.js";
import { sampleEvents } from "./sample-event.js";
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
  ...repositoryCases<OutboxRepositoryHarness<unknown>>({
    name: "outbox",
    open(harness, features) {
      const outbox = openOutbox(harness, features);
      return {
        ...outbox,
        async add(count, fields) {
          const added = await outbox.add(sampleEvents(count, fields));
          return added.map(({ id, seq }) => ({ id, seq: seq ?? 0n }));
        },
      };
    },
  }),
  ...randomScheduleCases,
  ...bucketCases,
];
