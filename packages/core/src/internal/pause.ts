import type { Clock } from "../protocols/clock.js";

/** A wait that can be cut short; a wake-up that comes while nobody waits is kept for the next wait. */
export interface Pause {
  wait(delayMs: number): Promise<void>;
  wake(): void;
}

export function createPause(clock: Clock): Pause {
  let woken = false;
  let finish: (() => void) | null = null;
  return {
    wait(delayMs) {
      if (woken || delayMs <= 0) {
        woken = false;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        const cancel = clock.schedule(delayMs, () => finish?.());
        finish = () => {
          cancel();
          finish = null;
          woken = false;
          resolve();
        };
      });
    },
    wake() {
      woken = true;
      finish?.();
    },
  };
}
