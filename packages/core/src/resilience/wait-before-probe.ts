import { waitOrAbort } from "../internal/wait-or-abort.js";
import type { Clock } from "../protocols/clock.js";
import type { OutageGate } from "./outage-gate.js";

/** What a probe waits for. */
export interface ProbeWait {
  readonly gate: Pick<OutageGate, "delayMs">;
  readonly clock: Clock;
  readonly isUp: () => boolean;
  /** How often `isUp` is asked. */
  readonly lookEveryMs: number;
  readonly stopping: AbortSignal;
}

/** Waits as long as the gate says, or until what was down says that it is up again. */
export async function waitBeforeProbe({ gate, clock, isUp, lookEveryMs, stopping }: ProbeWait): Promise<void> {
  const wasDown = !isUp();
  const until = clock.monotonicMs() + gate.delayMs();
  for (let leftMs = gate.delayMs(); leftMs > 0 && !stopping.aborted; leftMs = until - clock.monotonicMs()) {
    await waitOrAbort(clock, Math.min(leftMs, lookEveryMs), stopping);
    if (wasDown && isUp()) return;
  }
}
