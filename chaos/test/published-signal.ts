import type { RelayMetricsRecorder } from "@omni-box/core";

/** A relay's metrics recorder that tells when enough has been published. */
export interface PublishedSignal extends RelayMetricsRecorder {
  /** Resolves when the relay has published at least `count` events. */
  atLeast(count: number): Promise<void>;
}

export function createPublishedSignal(): PublishedSignal {
  let total = 0;
  const waiting: { count: number; resolve: () => void }[] = [];
  return {
    add(counter, value) {
      if (counter === "published") total += value;
      for (const { count, resolve } of waiting) if (total >= count) resolve();
    },
    record() {},
    atLeast: (count) =>
      new Promise((resolve) => {
        waiting.push({ count, resolve });
        if (total >= count) resolve();
      }),
  };
}
