/** One arrival of a message, as its queue showed it. */
export interface Delivery {
  readonly messageId: string;
  readonly partitionKey: string;
  /** From the header `omni-seq`; -1 when there is none. */
  readonly seq: bigint;
}

/** One event that was committed. */
export interface CommittedEvent {
  readonly id: string;
  readonly partitionKey: string;
  readonly seq: bigint;
}

/** An event that arrived for the first time after a later one of its key had arrived. */
export interface Inversion {
  readonly partitionKey: string;
  readonly seq: bigint;
  /** The latest one of its key that had arrived before. */
  readonly afterSeq: bigint;
}

/** What must not happen, whatever fails. */
export interface OrderFaults {
  /** Ids of committed events that never arrived. */
  readonly lost: readonly string[];
  /** Ids of messages without a committed event. */
  readonly phantoms: readonly string[];
  /** Ids of messages whose key or sequence number is not their event's. */
  readonly altered: readonly string[];
  readonly inversions: readonly Inversion[];
}

/** What the deliveries of a queue show. */
export interface OrderVerdict {
  readonly faults: OrderFaults;
  /** Arrivals of messages that had arrived before: allowed after a fault. */
  readonly duplicates: number;
}

/** The faults of a run without any. */
export const noFaults: OrderFaults = Object.freeze({ lost: [], phantoms: [], altered: [], inversions: [] });

/** Compares the deliveries of a queue, in the order of their arrival, with the committed events. Only first arrivals have an order. */
export function checkOrder(deliveries: readonly Delivery[], committed: readonly CommittedEvent[]): OrderVerdict {
  const events = new Map(committed.map((event) => [event.id, event]));
  const arrived = new Set<string>();
  const latest = new Map<string, bigint>();
  const phantoms: string[] = [];
  const altered = new Set<string>();
  const inversions: Inversion[] = [];
  let duplicates = 0;

  for (const { messageId, partitionKey, seq } of deliveries) {
    const event = events.get(messageId);
    if (event !== undefined && (event.partitionKey !== partitionKey || event.seq !== seq)) altered.add(messageId);
    if (arrived.has(messageId)) {
      duplicates += 1;
      continue;
    }
    arrived.add(messageId);
    if (event === undefined) {
      phantoms.push(messageId);
      continue;
    }
    const afterSeq = latest.get(event.partitionKey);
    if (afterSeq !== undefined && afterSeq > event.seq) {
      inversions.push({ partitionKey: event.partitionKey, seq: event.seq, afterSeq });
    } else latest.set(event.partitionKey, event.seq);
  }
  const lost = committed.filter(({ id }) => !arrived.has(id)).map(({ id }) => id);
  return { faults: { lost, phantoms, altered: [...altered], inversions }, duplicates };
}
