import type { DistributedLockFeature, DistributedLockHarness } from "@omni-box/conformance";
import { silentLogger } from "@omni-box/core";
import { createMemoryLock } from "@omni-box/core/testing";

export const memoryLockFeatures: readonly DistributedLockFeature[] = ["forgets", "outages", "silence"];

/** Longer than any case waits for an answer. */
const silentForMs = 4_000;

/** A harness over locks in memory. */
export function createMemoryLockHarness(): DistributedLockHarness {
  const lock = createMemoryLock();
  return {
    createLock: (options) => lock.connect({ logger: silentLogger, ...options }),
    forget: async () => lock.forget(),
    goDown: async () => lock.disconnect(),
    comeBack: async () => lock.reconnect(),
    fallSilent: async () => lock.answerAfter(silentForMs),
    answerAgain: async () => lock.answerAfter(0),
    close: async () => undefined,
  };
}
