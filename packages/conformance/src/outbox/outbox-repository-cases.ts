import type { OutboxEventDraft } from "@omni-box/core";
import { administrationCases } from "../administration/administration-cases.js";
import { repositoryCases } from "../repository/repository-cases.js";
import type { RepositorySubject } from "../repository/repository-subject.js";
import { outboxAdministrationCases } from "./administration.js";
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
import { sampleEvent, sampleEvents } from "./sample-event.js";
import { randomScheduleCases } from "./schedule/random-schedules.js";
import { transactionCases } from "./transactions.js";

const subject: RepositorySubject<OutboxRepositoryHarness<unknown>> = {
  name: "outbox",
  open(harness, features) {
    const outbox = openOutbox(harness, features);
    const add = async (drafts: readonly OutboxEventDraft[]) =>
      (await outbox.add(drafts)).map(({ id, seq }) => ({ id, seq: seq ?? 0n }));
    return {
      ...outbox,
      add: (count, fields) => add(sampleEvents(count, fields)),
      addKeys: (keys, fields) => add(keys.map((aggregateId) => sampleEvent({ ...fields, aggregateId }))),
    };
  },
};

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
  ...repositoryCases(subject),
  ...administrationCases(subject),
  ...outboxAdministrationCases,
  ...randomScheduleCases,
  ...bucketCases,
];
