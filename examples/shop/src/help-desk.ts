import { once } from "node:events";
import {
  createDeadLetterPublisher,
  deadLetterHeaders,
  type EventAdministration,
  type InboxEvent,
} from "@omni-box/core";
import type { DemoBroker } from "./demo-broker.js";

/** What a dead letter says. */
export interface Letter {
  readonly eventId: string;
  readonly type: string;
  readonly reason: string;
}

/** The people who look after events that have failed: they are told by dead letters. */
export function createHelpDesk(administration: EventAdministration<InboxEvent>, broker: DemoBroker) {
  const publisher = createDeadLetterPublisher({
    administration,
    publisher: broker.letterPublisher(),
    pollMaxMs: 200,
  });
  const mailbox = broker.letterConsumer();
  const received = new Map<string, Letter>();
  const arrivals = new EventTarget();

  return {
    async start() {
      await mailbox.start(({ headers, type }, handle) => {
        const { [deadLetterHeaders.eventId]: eventId = "", [deadLetterHeaders.reason]: reason = "" } = headers;
        received.set(eventId, { eventId, type: type ?? "", reason });
        handle.ack();
        arrivals.dispatchEvent(new Event("letter"));
      });
      await publisher.start();
    },
    async stop() {
      await publisher.stop();
      await mailbox.stop({ timeoutMs: 5_000 });
    },

    /** Waits for letters about so many events. */
    async letters(count: number): Promise<readonly Letter[]> {
      const patience = AbortSignal.timeout(60_000);
      while (received.size < count) await once(arrivals, "letter", { signal: patience });
      return [...received.values()];
    },

    /** Has these events tried again. Returns how many. */
    async requeue(letters: readonly Letter[], reason: string): Promise<number> {
      const filter = { ids: letters.map(({ eventId }) => eventId) };
      const { changed } = await administration.requeue({ filter, limit: 100, reason });
      return changed.length;
    },
  };
}
