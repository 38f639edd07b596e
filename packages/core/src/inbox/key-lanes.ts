import type { Delivery } from "./inbox-consumer-delivery.js";
import { createWaitingLine, type WaitingLine } from "./inbox-consumer-waiting-line.js";

/** Lets messages of the same key in one after the other, in the order of their arrival. */
export interface KeyLanes {
  /** Resolves with `true` when it is the message's turn, `false` when it was withdrawn while it waited. */
  enter(key: string, delivery: Delivery): Promise<boolean>;
  /** Ends the turn of the message that entered last; to be called once for every `true`. */
  leave(key: string): void;
  /** Withdraws all that wait. */
  withdrawAll(): void;
}

export function createKeyLanes(): KeyLanes {
  /** A key is in the map while a message of it has its turn; `null`: nobody waits, or has waited. */
  const lanes = new Map<string, WaitingLine<() => void> | null>();

  function laneOf(key: string): WaitingLine<() => void> {
    const lane = lanes.get(key) ?? createWaitingLine();
    lanes.set(key, lane);
    return lane;
  }

  return {
    async enter(key, delivery) {
      if (!lanes.has(key)) {
        lanes.set(key, null);
        return true;
      }
      return new Promise((resolve) => {
        laneOf(key).join(
          delivery,
          () => resolve(true),
          () => resolve(false),
        );
      });
    },
    leave(key) {
      const [next] = lanes.get(key)?.take(1) ?? [];
      if (next === undefined) lanes.delete(key);
      else next();
    },
    withdrawAll() {
      for (const lane of lanes.values()) lane?.withdrawAll();
    },
  };
}
