import { defaults } from "../defaults.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { BucketOperations } from "../protocols/bucket-operations.js";
import type { BucketFence } from "../protocols/fence.js";
import type { BucketReader } from "./bucket-reader.js";

/** Makes scheduled events whose time has come events like all others, a few times a second. */
export interface DueSchedules {
  /** Looks for them if it is time to. */
  end(fence: BucketFence): Promise<void>;
  /** Looks at the next occasion. */
  recheck(): void;
}

/** @param nowMs - a clock that never runs backwards */
export function createDueSchedules<E extends BaseEvent>(
  operations: Pick<BucketOperations<E>, "endSchedules">,
  reader: Pick<BucketReader<E>, "goBackTo" | "forgetAll">,
  nowMs: () => number,
): DueSchedules {
  let nextMs = 0;

  return {
    async end(fence) {
      if (fence.epochs.size === 0 || nowMs() < nextMs) return;
      const ended = await operations.endSchedules(fence, defaults.schedulesPerCall).catch((error: unknown) => {
        // Some may have ended all the same, anywhere.
        reader.forgetAll();
        throw error;
      });
      for (const event of ended) reader.goBackTo(event);
      if (ended.length < defaults.schedulesPerCall) nextMs = nowMs() + defaults.scheduledEveryMs;
    },
    recheck() {
      nextMs = nowMs();
    },
  };
}
