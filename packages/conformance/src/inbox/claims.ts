import assert from "node:assert/strict";
import type { FetchFilters } from "@omni-box/core";
import { idsOf } from "../repository/event-scenario.js";
import type { InboxRepositoryCase } from "./inbox-repository-case.js";
import { type InboxScenario, openInbox } from "./inbox-scenario.js";
import { sampleMessage, sampleMessages } from "./sample-message.js";

/** What narrows a fetch of inbox events. */
export const claimCases: readonly InboxRepositoryCase[] = [
  {
    id: "inbox.claim.groups",
    title: "a claim for one consumer group leaves the others' events alone, and one for no group gets all",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const shipping = sampleMessages(3, { consumerGroup: "shipping" });
      const billing = sampleMessages(3, { consumerGroup: "billing" });
      await inbox.storePending([...shipping, ...billing]);
      assert.deepEqual(await takenWith(inbox, { consumerGroup: "billing" }), idsOf(billing));
      assert.deepEqual(await takenWith(inbox, { consumerGroup: "shipping" }), idsOf(shipping));
      assert.deepEqual(await takenWith(inbox, { consumerGroup: "nobody" }), []);
      assert.deepEqual(await takenWith(inbox, {}), idsOf([...shipping, ...billing]));
    },
  },
  {
    id: "inbox.claim.filters",
    title: "filters narrow a claim: alternatives within a field, all fields together, an empty list to nothing",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const placed = sampleMessage({ source: "a" });
      const paid = sampleMessage({ source: "b", type: "order.paid" });
      const sent = sampleMessage({ source: "c", topic: "shipments", type: "shipment.sent" });
      const foreign = sampleMessage({ source: "a", consumerGroup: "billing" });
      await inbox.storePending([placed, paid, sent, foreign]);
      const expected: readonly (readonly [FetchFilters, readonly { readonly id: string }[]])[] = [
        [{ sources: ["a"] }, [placed, foreign]],
        [{ sources: ["a", "c"] }, [placed, sent, foreign]],
        [{ sources: ["a"], consumerGroup: "billing" }, [foreign]],
        [{ topics: ["shipments"] }, [sent]],
        [{ types: ["order.paid", "shipment.sent"] }, [paid, sent]],
        [{ topics: ["orders"], types: ["order.placed"], sources: ["a"], consumerGroup: "shipping" }, [placed]],
        [{ topics: ["orders"], sources: ["c"] }, []],
        [{ sources: [] }, []],
        [{ types: [] }, []],
        [{ topics: [] }, []],
        [{ aggregateTypes: ["order"] }, []],
      ];
      for (const [filters, events] of expected) {
        assert.deepEqual(await takenWith(inbox, filters), idsOf(events), JSON.stringify(filters));
        assert.deepEqual(
          idsOf(await inbox.repository.findDue({ limit: 10, filters })),
          idsOf(events),
          "findDue differs",
        );
      }
    },
  },
];

async function takenWith(inbox: InboxScenario, filters: FetchFilters): Promise<string[]> {
  const taken = await inbox.take({ filters });
  await inbox.release(taken);
  return idsOf(taken.events);
}
