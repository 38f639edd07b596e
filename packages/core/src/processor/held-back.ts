import { defaults } from "../defaults.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { EventResult } from "./decide-rows.js";
import type { BatchProcessingResult } from "./event-batch-processor.js";

/** Slows a worker down whose steps put off nearly all that it reads: behind an open breaker, a limit or a lock it would read the whole backlog at full speed. */
export interface HeldBack {
  /** How long to pause before the next batch; 0 while enough is let through. */
  readonly delayMs: number;
  nothingFound(): void;
  /** Takes note of a batch. `isOutage`: what it was put off by has pauses of its own. */
  settled(result: Pick<BatchProcessingResult<BaseEvent>, "counts" | "results">, isOutage: boolean): void;
}

/** The pauses grow from `pollMinMs` to `pollMaxMs`, or less where a limit lets some through, which must not miss their turns. */
export function createHeldBack({
  pollMinMs,
  pollMaxMs,
}: {
  readonly pollMinMs: number;
  readonly pollMaxMs: number;
}): HeldBack {
  /** Batches in a row of which the steps let nothing through, or hardly anything. */
  let batches = 0;
  let longestMs = pollMaxMs;
  return {
    get delayMs() {
      return batches === 0 ? 0 : Math.min(longestMs, pollMinMs * 2 ** Math.min(batches - 1, 30));
    },
    nothingFound() {
      batches = 0;
    },
    settled({ counts, results }, isOutage) {
      const through = results.length - counts.defer - counts.release;
      const putOff = results.filter(isPutOff).length;
      if (isOutage || putOff === 0 || through * 10 > putOff) {
        if (results.length > 0) batches = 0;
        return;
      }
      batches += 1;
      longestMs = through === 0 ? pollMaxMs : Math.min(pollMaxMs, defaults.trickleMs);
    },
  };
}

/** Whether it is to come again later; what is only given back may come again at once. */
function isPutOff({ outcome }: EventResult<BaseEvent>): boolean {
  return outcome.kind === "defer" || (outcome.kind === "release" && (outcome.delayMs ?? 0) > 0);
}
