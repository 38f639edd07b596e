import { type Clock, describeFailure, type EventStatistics, type Logger, OmniBoxError } from "@omni-box/core";

/** What statistics are read with. */
export interface LatestStatisticsParts {
  /** "outbox", as it is called in log lines. */
  readonly store: string;
  readonly read: () => Promise<EventStatistics>;
  readonly cacheMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Statistics that are at most `cacheMs` old; `null` when the database did not tell them in time. Never rejects. */
export type LatestStatistics = () => Promise<EventStatistics | null>;

/**
 * Keeps exports from asking the database more often than needed, or twice at once, and from waiting for it.
 *
 * A read that takes longer than `timeoutMs` goes on, and serves later calls when it has ended. Logs changes only.
 */
export function createLatestStatistics(parts: LatestStatisticsParts): LatestStatistics {
  const { store, read, cacheMs, timeoutMs, clock, logger } = parts;
  let latest: { readonly statistics: EventStatistics; readonly atMs: number } | null = null;
  let reading: Promise<EventStatistics> | null = null;
  let isFailing = false;

  function readOnce(): Promise<EventStatistics> {
    reading ??= readAnew().finally(() => {
      reading = null;
    });
    return reading;
  }

  // Async, so that what is thrown at once is a rejection too.
  async function readAnew(): Promise<EventStatistics> {
    const statistics = await read();
    latest = { statistics, atMs: clock.monotonicMs() };
    changed(null);
    return statistics;
  }

  function changed(failure: unknown): void {
    if (failure !== null && !isFailing)
      logger.warn(
        { ...describeFailure(failure) },
        `the statistics of the ${store} cannot be read; their metrics are left out`,
      );
    if (failure === null && isFailing) logger.info({}, `the statistics of the ${store} can be read again`);
    isFailing = failure !== null;
  }

  return async () => {
    if (latest !== null && clock.monotonicMs() - latest.atMs < cacheMs) return latest.statistics;
    try {
      return await within(readOnce(), timeoutMs, clock);
    } catch (error) {
      changed(error);
      return null;
    }
  };
}

function within<T>(work: Promise<T>, timeoutMs: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(timeoutMs, () =>
      reject(new OmniBoxError("STORE.TIMEOUT", `the database did not answer within ${timeoutMs} ms`)),
    );
    work.then(resolve, reject).finally(cancel);
  });
}
