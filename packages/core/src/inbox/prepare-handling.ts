import { OmniBoxError } from "../errors/omni-box-error.js";
import type { InboxEvent } from "../events/inbox-event.js";
import type { KeySequence } from "../events/key-sequence.js";
import { withinTime } from "../internal/within-time.js";
import type { Outbox } from "../outbox/create-outbox.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { Clock } from "../protocols/clock.js";
import type { Logger } from "../protocols/logger.js";
import type { EventRoutes } from "../routing/event-router.js";
import { undecodable } from "../wire/undecodable.js";
import { callHandler } from "./call-handler.js";
import { createHandlerFailureLog } from "./handler-failure-log.js";
import { type OlderEventsOption, sequenceToCheck } from "./older-events.js";
import { isUndecodable } from "./undecodable-draft.js";

/** What handlers are called with, the same for the consumer and the processor. */
export interface HandlingParts<Tx, Dependencies> {
  readonly router: EventRoutes<Tx, Dependencies>;
  /** `null`: handlers that publish are refused. */
  readonly outbox: Outbox<Tx> | null;
  readonly dependencies: Dependencies;
  readonly handlerTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly olderEvents: OlderEventsOption;
  /** Told of each call of a handler, when it is over. `null`, or left out: nobody wants to know. */
  readonly onHandled?: OnHandled | null;
}

/** How long a handler took, whatever came of it. */
export type OnHandled = (event: InboxEvent, durationMs: number) => void;

/** An event whose handler has been found and whose payload fits it. */
export interface ReadyHandling<Tx> {
  /** To be raised first; when the event is not newer its handler is not run. `null`: it is run in any case. */
  readonly sequence: KeySequence | null;
  /**
   * Runs the handler on a transaction. Resolves with what the handler says: `completed` is to be committed, everything
   * else to be rolled back. Rejects with what the handler threw, or with INBOX.HANDLER_TIMEOUT when it took longer than
   * `handlerTimeoutMs`, or INBOX.LEASE_LOST when `signal` was aborted; the handler's own signal is aborted then too.
   */
  run(tx: Tx, signal: AbortSignal): Promise<Outcome>;
}

/** What preparing came to: a handler that is ready, or an outcome because there is none or the payload does not fit. */
export type Preparation<Tx> =
  | { readonly kind: "ready"; readonly handling: ReadyHandling<Tx> }
  | { readonly kind: "settled"; readonly outcome: Outcome };

/** Finds the handler and prepares the payload; before a transaction is opened. Never rejects. */
export type PrepareHandling<Tx> = (event: InboxEvent) => Promise<Preparation<Tx>>;

/** Makes the function that consumer and processor prepare and call handlers with. */
export function createPrepareHandling<Tx, Dependencies>(parts: HandlingParts<Tx, Dependencies>): PrepareHandling<Tx> {
  const { router, clock, handlerTimeoutMs, olderEvents } = parts;
  const { onHandled = null } = parts;
  const calling = { ...parts, failed: createHandlerFailureLog(parts.logger, clock) };

  async function timed(event: InboxEvent, call: () => Promise<Outcome>): Promise<Outcome> {
    const startedAt = clock.monotonicMs();
    try {
      return await call();
    } finally {
      onHandled?.(event, clock.monotonicMs() - startedAt);
    }
  }

  return async (event) => {
    try {
      if (isUndecodable(event)) throw undecodable("it was stored as such: its payload is not what its sender meant");
      const route = router.route(event);
      if (route === null) throw noHandler(event);
      // Schemas and migrations may be asynchronous; one that never answers must not hold its message for ever.
      const handled = await withinTime(route.prepare(event), clock, handlerTimeoutMs, () =>
        preparationTimedOut(event, handlerTimeoutMs),
      );
      return {
        kind: "ready",
        handling: {
          sequence: sequenceToCheck(event, olderEvents),
          run(tx, signal) {
            const called = { route, event, handled, tx, signal };
            return onHandled === null ? callHandler(calling, called) : timed(event, () => callHandler(calling, called));
          },
        },
      };
    } catch (error) {
      return { kind: "settled", outcome: outcome.ofError(error) };
    }
  };
}

function noHandler({ topic, type, schemaVersion }: InboxEvent): OmniBoxError {
  return new OmniBoxError(
    "INBOX.NO_HANDLER",
    `no handler for topic "${topic}", type "${type}", version "${schemaVersion}": register one with router.on(…), or a ` +
      "migration to a version that has one",
    { meta: { topic, type, schemaVersion } },
  );
}

function preparationTimedOut({ type, schemaVersion }: InboxEvent, timeoutMs: number): OmniBoxError {
  return new OmniBoxError(
    "INBOX.HANDLER_TIMEOUT",
    `the migrations and the schema of "${type}" version "${schemaVersion}" took longer than ${timeoutMs} ms`,
    { meta: { type, schemaVersion, timeoutMs } },
  );
}
