import type { RepositoryCase, RepositorySubject, TimedHarness } from "../repository/repository-subject.js";
import { casesOf } from "./administration-scenario.js";
import { blockedKeyStories } from "./blocked-keys.js";
import { deadLetterStories } from "./dead-letters.js";
import { filterStories } from "./filters.js";
import { historyStories } from "./history.js";
import { listStories } from "./listing.js";
import { maintenanceStories } from "./maintenance.js";
import { requeueStories } from "./requeue.js";
import { skipAndPurgeStories } from "./skip-and-purge.js";
import { statisticsStories } from "./statistics.js";

/** The cases of `EventAdministration`, for outboxes and inboxes. */
export function administrationCases<Harness extends TimedHarness>(
  subject: RepositorySubject<Harness>,
): readonly RepositoryCase<Harness>[] {
  return casesOf<Harness>(subject, [
    ...requeueStories,
    ...skipAndPurgeStories,
    ...filterStories,
    ...listStories,
    ...historyStories,
    ...blockedKeyStories,
    ...statisticsStories,
    ...maintenanceStories,
    ...deadLetterStories,
  ]);
}
