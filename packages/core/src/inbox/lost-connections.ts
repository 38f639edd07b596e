import { defaults } from "../defaults.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";

/** Tells events that end their own connection (a statement that kills its backend) from an outage, which all events meet. */
export interface LostConnections {
  /** The event's connection was lost after its handler had begun; says what that means for it. */
  lost(event: InboxEvent, error: unknown): Outcome;
  /** It came to an end with its connection alive. */
  kept(event: InboxEvent): void;
}

/** Counts in memory: a few losses in a row cost an event a pause, those after them an attempt each. */
export function createLostConnections(): LostConnections {
  // In the order in which they were last counted, so that the first is the oldest.
  const inARow = new Map<string, number>();
  return {
    lost({ id }, error) {
      const count = (inARow.get(id) ?? 0) + 1;
      inARow.delete(id);
      inARow.set(id, count);
      for (const oldest of inARow.keys()) {
        if (inARow.size <= defaults.lostConnectionsRemembered) break;
        inARow.delete(oldest);
      }
      return count > defaults.lostConnectionsFree ? outcome.retry(error) : outcome.defer(error, defaults.retryBaseMs);
    },
    kept: ({ id }) => void inARow.delete(id),
  };
}
