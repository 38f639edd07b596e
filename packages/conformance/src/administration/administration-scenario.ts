import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { BaseEvent, EventAdministration, EventRef } from "@omni-box/core";
import type { ConformanceCase } from "../conformance-case.js";
import { caseLeaseMs, refOf } from "../repository/event-scenario.js";
import type {
  RepositoryFeature,
  RepositorySubject,
  StoreScenario,
  TimedHarness,
} from "../repository/repository-subject.js";

/** The steps that cases of the administration are written in. */
export interface AdministrationScenario extends StoreScenario {
  readonly administration: EventAdministration<BaseEvent>;
  /** Fails pending events, each with one more attempt. */
  failEach(refs: readonly EventRef[], error?: string): Promise<void>;
  /** Adds events of these keys, in their order, all of which have failed. */
  addFailed(partitionKeys: readonly string[], error?: string): Promise<readonly EventRef[]>;
}

/** Opens the harness's store for a worker and somebody who administers it. */
function openAdministration<Harness extends TimedHarness>(
  { open }: RepositorySubject<Harness>,
  harness: Harness,
  features: readonly RepositoryFeature[],
): AdministrationScenario {
  const store = open(harness, features);
  const administration = harness.createAdministration?.();
  assert.ok(administration, "administration is declared and the harness has no createAdministration");

  async function failEach(refs: readonly EventRef[], error = "refused"): Promise<void> {
    for (const { id } of refs) {
      const lease = { token: randomUUID(), workerId: "kit", leaseMs: caseLeaseMs };
      const event = (await store.repository.lock(id, lease)) ?? assert.fail(`event ${id} cannot be locked`);
      await store.fail({ fence: { kind: "lease", token: lease.token }, events: [event] }, error);
    }
  }

  return {
    ...store,
    administration,
    failEach,
    async addFailed(partitionKeys, error) {
      const refs = await store.addKeys(partitionKeys);
      await failEach(refs, error);
      return refs;
    },
  };
}

/** What makes a case. */
export interface AdministrationStory<Harness extends TimedHarness> {
  /** Behind `<subject>.administration.`. */
  readonly name: string;
  readonly title: string;
  readonly guarantee?: string;
  run(scenario: AdministrationScenario, harness: Harness): Promise<void>;
}

/** Makes the cases of both kinds of repository. */
export function casesOf<Harness extends TimedHarness>(
  subject: RepositorySubject<Harness>,
  stories: readonly AdministrationStory<Harness>[],
): readonly ConformanceCase<Harness, RepositoryFeature>[] {
  return stories.map(({ name, run, ...story }) => ({
    ...story,
    id: `${subject.name}.administration.${name}`,
    requires: ["administration"],
    run: (harness, features) => run(openAdministration(subject, harness, features), harness),
  }));
}

/** The first of some events that a case has made. */
export function firstOf<Item>(items: readonly Item[]): Item {
  return items[0] ?? assert.fail("there is none");
}

export { idsOf, refOf } from "../repository/event-scenario.js";

/** References without what else is known of the events. */
export function refsOf(events: readonly EventRef[]): EventRef[] {
  return events.map(refOf);
}
