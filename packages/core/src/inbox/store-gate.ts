import type { FailureDescription } from "../errors/describe-failure.js";
import { waitOrAbort } from "../internal/wait-or-abort.js";
import type { Clock } from "../protocols/clock.js";
import type { Logger } from "../protocols/logger.js";
import { createOutageGate } from "../resilience/outage-gate.js";

/** Lets everybody at the store while it answers, and during an outage one at a time, after a pause. */
export interface StoreGate {
  /** Why the gate is closed to all but a probe; `null` while the store answers. */
  readonly failure: FailureDescription | null;
  /**
   * Waits to be let in and runs the task. `null`: the signal was aborted before, or the task had nothing to do any more.
   *
   * @param task - never rejects; may call `answered` before its end, when it has evidence that the store answers: an outage
   *   after that does not close the gate; `null`: it did nothing
   * @param outageOf - the outage that a result stands for, or `null`
   */
  attempt<Result>(
    signal: AbortSignal,
    task: (answered: () => void) => Promise<Result | null>,
    outageOf: (result: Result) => FailureDescription | null,
  ): Promise<Result | null>;
}

export function createStoreGate(clock: Clock, logger: Logger): StoreGate {
  const outage = createOutageGate("the database", logger);
  const waiting = new Set<() => void>();
  let isProbing = false;

  function wakeAll(): void {
    const woken = [...waiting];
    waiting.clear();
    for (const wake of woken) wake();
  }

  function wakened(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  function probeEnded(): void {
    isProbing = false;
    wakeAll();
  }

  /** Whoever finds the gate closed and nobody probing becomes the probe; those who failed stand behind all others. */
  async function admitted(signal: AbortSignal): Promise<"freely" | "as probe" | null> {
    while (outage.isOpen && !signal.aborted) {
      if (isProbing) {
        await wakened(signal);
        continue;
      }
      isProbing = true;
      await waitOrAbort(clock, outage.delayMs(), signal);
      if (!signal.aborted) return "as probe";
      probeEnded();
    }
    return signal.aborted ? null : "freely";
  }

  return {
    get failure() {
      return outage.failure;
    },
    async attempt(signal, task, outageOf) {
      const admission = await admitted(signal);
      if (admission === null) return null;
      let isProbe = admission === "as probe";
      let hasAnswered = false;
      const endProbe = () => {
        if (isProbe) probeEnded();
        isProbe = false;
      };
      const answered = () => {
        hasAnswered = true;
        outage.succeeded();
        endProbe();
      };
      const result = await task(answered);
      if (result === null) {
        endProbe();
        return null;
      }
      const failure = outageOf(result);
      if (failure === null) {
        answered();
        return result;
      }
      // What had been under way when the outage began says nothing new about it. And what was answered and lost afterwards
      // may have lost its connection by its own doing: whoever comes next finds out.
      if (!hasAnswered && (isProbe || !outage.isOpen)) outage.failed(failure);
      endProbe();
      return result;
    },
  };
}
