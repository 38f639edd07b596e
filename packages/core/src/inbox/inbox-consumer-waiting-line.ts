import type { Delivery } from "./inbox-consumer-delivery.js";

interface Place<Entry> {
  readonly delivery: Delivery;
  readonly entry: Entry;
  readonly withdraw: () => void;
}

/** Entries in the order in which they came. One leaves when it is taken, or when its message is lost: nothing lost is kept in memory. */
export interface WaitingLine<Entry> {
  readonly size: number;
  /** Puts an entry at the end; `withdraw` is called once if it leaves without being taken. A message waits in one line at a time. */
  join(delivery: Delivery, entry: Entry, withdraw: () => void): void;
  /** Takes up to `limit` entries from the front, and leaves those in their places that do not fit. */
  take(limit: number, fits?: (entry: Entry) => boolean): readonly Entry[];
  /** Empties the line. */
  withdrawAll(): void;
}

export function createWaitingLine<Entry>(): WaitingLine<Entry> {
  const places = new Set<Place<Entry>>();

  function leave(place: Place<Entry>): void {
    places.delete(place);
    place.delivery.onLost = null;
  }

  return {
    get size() {
      return places.size;
    },
    join(delivery, entry, withdraw) {
      if (delivery.isLost) {
        withdraw();
        return;
      }
      const place = { delivery, entry, withdraw };
      places.add(place);
      delivery.onLost = () => {
        leave(place);
        withdraw();
      };
    },
    take(limit, fits = () => true) {
      const taken: Entry[] = [];
      for (const place of places) {
        if (taken.length >= limit) break;
        if (!fits(place.entry)) continue;
        leave(place);
        taken.push(place.entry);
      }
      return taken;
    },
    withdrawAll() {
      for (const place of [...places]) {
        leave(place);
        place.withdraw();
      }
    },
  };
}
