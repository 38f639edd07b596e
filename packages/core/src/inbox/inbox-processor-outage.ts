import { describeFailure } from "../errors/describe-failure.js";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import type { InboxEvent } from "../events/inbox-event.js";
import type { Outcome } from "../pipeline/outcome.js";
import type { OutageGate } from "../resilience/outage-gate.js";

/** Whether the error says that the database could not be reached, or that the connection was lost. */
export function isConnectionLost(error: unknown): boolean {
  return isOmniBoxError(error, "STORE.UNREACHABLE") || isOmniBoxError(error, "STORE.TIMEOUT");
}

/**
 * Whether a statement of ours failed over the database and not over the event: it is away, a password was changed, a table is
 * being moved. A collision and a refused value are about the event.
 */
export function isStoreOutage(error: unknown): boolean {
  if (!isOmniBoxError(error) || !error.code.startsWith("STORE.")) return false;
  return error.code !== "STORE.CONFLICT" && error.code !== "STORE.DATA_ERROR";
}

/** Is told how the processor's own statements for an event go; what a handler says of a database is none of them. */
export interface OwnStatements {
  /** The database has begun a transaction for the event. */
  answered(event: InboxEvent): void;
  failed(event: InboxEvent, error: unknown): void;
}

/**
 * Knows whether handlers' transactions reach the database, which claims may while those do not.
 *
 * Opened by the first statement of our own that finds the database away; closed by a probe alone, so that handlers which end
 * one after the other do not open and close it in turn.
 */
export interface HandlingGate extends OwnStatements {
  readonly isOpen: boolean;
  /** Begins anew, as a part of the database's own gate, so that there is one line for one outage. */
  attach(store: OutageGate): void;
  /** Lets the next event through although the gate is open. */
  allowProbe(): void;
  /** Whether an event may begin. */
  admit(): boolean;
  /**
   * Draws conclusions from what an event came to.
   *
   * @returns whether one of our statements for it met an outage
   */
  observe(event: InboxEvent, outcome: Outcome): boolean;
  close(): void;
}

const handling = "handling";

export function createHandlingGate(): HandlingGate {
  let store: OutageGate | null = null;
  let isOpen = false;
  let probe: "none" | "allowed" | "at work" = "none";
  const answeredFor = new WeakSet<InboxEvent>();
  const failedFor = new WeakSet<InboxEvent>();

  function close(): void {
    isOpen = false;
    store?.succeeded(handling);
  }

  return {
    get isOpen() {
      return isOpen;
    },
    attach(given) {
      store = given;
      isOpen = false;
      probe = "none";
    },
    allowProbe() {
      probe = "allowed";
    },
    admit() {
      if (!isOpen) return true;
      if (probe !== "allowed") return false;
      probe = "at work";
      return true;
    },
    answered: (event) => void answeredFor.add(event),
    failed(event, error) {
      failedFor.add(event);
      // One outage is one failed try, however many handlers it meets at once.
      if (!isOpen || probe === "at work") store?.failed(describeFailure(error), handling);
      isOpen = true;
    },
    observe(event, outcome) {
      const isProbe = probe === "at work";
      if (isProbe) probe = "none";
      const hasFailed = failedFor.has(event);
      const isConclusive = answeredFor.has(event) || (outcome.kind !== "defer" && outcome.kind !== "release");
      if (isProbe && !hasFailed && isConclusive) close();
      return hasFailed;
    },
    close,
  };
}
