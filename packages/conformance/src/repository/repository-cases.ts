import { bulkOutcomeCases } from "./bulk-outcomes.js";
import { claimCases } from "./claim.js";
import { leaseCases } from "./leases.js";
import { lostLeaseCases } from "./lost-lease.js";
import { outcomeCases } from "./outcomes.js";
import { parallelClaimCases } from "./parallel-claims.js";
import type { RepositoryCase, RepositorySubject, TimedHarness } from "./repository-subject.js";
import { suspectCases } from "./suspects.js";

/** The cases of `EventRepository` that outbox and inbox repositories have in common. */
export function repositoryCases<Harness extends TimedHarness>(
  subject: RepositorySubject<Harness>,
): readonly RepositoryCase<Harness>[] {
  return [
    ...claimCases(subject),
    ...parallelClaimCases(subject),
    ...outcomeCases(subject),
    ...bulkOutcomeCases(subject),
    ...leaseCases(subject),
    ...lostLeaseCases(subject),
    ...suspectCases(subject),
  ];
}
