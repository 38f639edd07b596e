import type { Logger, PublishOptions } from "@omni-box/core";
import { heartbeatWarning, type TakeoverTimes } from "./heartbeat-warning.js";

/** A connection whose heartbeat is to be checked. */
interface CheckedConnection {
  readonly internals: { readonly heartbeatSeconds: number | undefined };
}

/** Compares the heartbeat of each connection with the shortest time in use until a take-over, and warns once. */
export class HeartbeatCheck {
  readonly #logger: Logger;
  #shortest: TakeoverTimes | null = null;
  #shortestMs = Number.POSITIVE_INFINITY;
  #checked: CheckedConnection | null = null;
  #hasWarned = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Checks at the first publish on a connection, and whenever the time until a take-over is shorter than all before. */
  onPublish(connection: CheckedConnection | null, { timeoutMs, takeoverGraceMs = 0 }: PublishOptions): void {
    const isShorter = timeoutMs + takeoverGraceMs < this.#shortestMs;
    if (isShorter) {
      this.#shortestMs = timeoutMs + takeoverGraceMs;
      this.#shortest = { publishTimeoutMs: timeoutMs, takeoverGraceMs };
    }
    if (connection !== null && (isShorter || connection !== this.#checked)) this.#check(connection);
  }

  /** Checks a new connection, for the messages that have waited for it. */
  onConnection(connection: CheckedConnection): void {
    this.#check(connection);
  }

  #check(connection: CheckedConnection): void {
    // Nothing was published yet, so the times are not known.
    if (this.#shortest === null) return;
    this.#checked = connection;
    const { heartbeatSeconds } = connection.internals;
    const warning = heartbeatWarning(heartbeatSeconds, this.#shortest);
    if (warning === null || this.#hasWarned) return;
    this.#hasWarned = true;
    this.#logger.warn({ heartbeatSeconds, ...this.#shortest }, warning);
  }
}
