import type { Logger } from "@omni-box/core";
import { heartbeatWarning } from "./heartbeat-warning.js";

/** A connection whose heartbeat is to be checked. */
interface CheckedConnection {
  readonly internals: { readonly heartbeatSeconds: number | undefined };
}

/** Compares the heartbeat of each connection with the shortest publish time-out in use, and warns once. */
export class HeartbeatCheck {
  readonly #logger: Logger;
  #shortestTimeoutMs = Number.POSITIVE_INFINITY;
  #checked: CheckedConnection | null = null;
  #hasWarned = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Checks at the first publish on a connection, and whenever a time-out is shorter than all before. */
  onPublish(connection: CheckedConnection | null, timeoutMs: number): void {
    const isShorter = timeoutMs < this.#shortestTimeoutMs;
    if (isShorter) this.#shortestTimeoutMs = timeoutMs;
    if (connection !== null && (isShorter || connection !== this.#checked)) this.#check(connection);
  }

  /** Checks a new connection, for the messages that have waited for it. */
  onConnection(connection: CheckedConnection): void {
    // Nothing was published yet, so the time-out is not known.
    if (this.#shortestTimeoutMs < Number.POSITIVE_INFINITY) this.#check(connection);
  }

  #check(connection: CheckedConnection): void {
    this.#checked = connection;
    const { heartbeatSeconds } = connection.internals;
    const warning = heartbeatWarning(heartbeatSeconds, this.#shortestTimeoutMs);
    if (warning === null || this.#hasWarned) return;
    this.#hasWarned = true;
    this.#logger.warn({ heartbeatSeconds, publishTimeoutMs: this.#shortestTimeoutMs }, warning);
  }
}
