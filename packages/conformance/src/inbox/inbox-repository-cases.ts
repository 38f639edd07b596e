import type { EventRef, InboxEventDraft } from "@omni-box/core";
import { administrationCases } from "../administration/administration-cases.js";
import { refOf } from "../repository/event-scenario.js";
import { repositoryCases } from "../repository/repository-cases.js";
import type { RepositorySubject } from "../repository/repository-subject.js";
import { inboxAdministrationCases } from "./administration.js";
import { blockedCases } from "./blocked.js";
import { brokenTransactionCases } from "./broken-transactions.js";
import { inboxBucketCases } from "./buckets/bucket-cases.js";
import { capabilityCases } from "./capabilities.js";
import { claimCases } from "./claims.js";
import { completeCases } from "./complete.js";
import { contentCases } from "./content.js";
import { duplicateCases } from "./duplicates.js";
import type { InboxRepositoryCase } from "./inbox-repository-case.js";
import type { InboxRepositoryHarness } from "./inbox-repository-harness.js";
import { openInbox } from "./inbox-scenario.js";
import { keyHeadCases } from "./key-heads.js";
import { parallelDuplicateCases } from "./parallel-duplicates.js";
import { sampleMessage, sampleMessages } from "./sample-message.js";
import { randomScheduleCases } from "./schedule/random-schedules.js";
import { sequenceCases } from "./sequences.js";
import { storeCases } from "./store.js";
import { suspectCases } from "./suspects.js";
import { transactionCases } from "./transactions.js";

const subject: RepositorySubject<InboxRepositoryHarness<unknown>> = {
  name: "inbox",
  open(harness, features) {
    const inbox = openInbox(harness, features);
    const add = async (drafts: readonly InboxEventDraft[]) => {
      const refs: EventRef[] = [];
      for (const answer of await inbox.storePending(drafts)) {
        refs.push(refOf(await inbox.read("id" in answer ? answer.id : "")));
      }
      return refs;
    };
    return {
      ...inbox,
      add: (count, fields) => add(sampleMessages(count, fields)),
      addKeys: (keys, fields) => add(keys.map((partitionKey) => sampleMessage({ ...fields, partitionKey }))),
    };
  },
};

/** Every case of the contract of `InboxEventRepository`, for `runCases` or a test runner of your own. */
export const inboxRepositoryCases: readonly InboxRepositoryCase[] = [
  ...capabilityCases,
  ...contentCases,
  ...storeCases,
  ...duplicateCases,
  ...parallelDuplicateCases,
  ...transactionCases,
  ...brokenTransactionCases,
  ...completeCases,
  ...claimCases,
  ...keyHeadCases,
  ...blockedCases,
  ...suspectCases,
  ...sequenceCases,
  ...repositoryCases(subject),
  ...administrationCases(subject),
  ...inboxAdministrationCases,
  ...randomScheduleCases,
  ...inboxBucketCases,
];
