import { highestOfEachKey, type KeySequence, newerInTurn, OmniBoxError, sequenceName } from "@omni-box/core";
import { type InboxMutant, inTransaction, readingAs } from "./inbox-mutant.js";

/** Faults in how the sequences of keys are raised. */
export const sequenceMutants: readonly InboxMutant[] = [
  {
    fault: "the sender's number is not stored",
    killedBy: "inbox.sequences.sender-seq",
    wrap: readingAs((event) => ({ ...event, senderSeq: null })),
  },
  {
    fault: "the sender's number is kept as a floating-point number",
    killedBy: "inbox.sequences.sender-seq",
    wrap: readingAs((event) => ({
      ...event,
      senderSeq: event.senderSeq === null ? null : BigInt(Number(event.senderSeq)),
    })),
  },
  {
    fault: "every event is newer",
    killedBy: "inbox.sequences.raised",
    wrap: inTransaction((tx) => ({
      raiseSequences: async (sequences) => (await tx.raiseSequences(sequences)).map(() => true),
    })),
  },
  {
    fault: "an equal number is newer",
    killedBy: "inbox.sequences.raised",
    wrap: comparing((sequence, last) => last === undefined || sequence.seq >= last),
  },
  {
    fault: "a lower number takes the place of a higher one",
    killedBy: "inbox.sequences.raised",
    wrap: (base) => {
      const last = new Map<string, bigint>();
      return inTransaction(() => ({
        async raiseSequences(sequences) {
          const answer = newerInTurn(sequences, (sequence) => last.get(sequenceName(sequence)) ?? null);
          for (const sequence of sequences) last.set(sequenceName(sequence), sequence.seq);
          return answer;
        },
      }))(base);
    },
  },
  {
    fault: "all events of a call are compared with what was committed before",
    killedBy: "inbox.sequences.in-turn",
    wrap: comparing((sequence, last) => last === undefined || sequence.seq > last),
  },
  {
    fault: "only the highest event of each key in a call is newer",
    killedBy: "inbox.sequences.in-turn",
    wrap: inTransaction((tx) => ({
      async raiseSequences(sequences) {
        const areNewer = await tx.raiseSequences(sequences);
        const highest = highestOfEachKey(sequences);
        return areNewer.map((isNewer, index) => isNewer && highest.some((one) => one === sequences[index]));
      },
    })),
  },
  {
    fault: "consumer groups share a sequence",
    killedBy: "inbox.sequences.scope",
    wrap: merging({ consumerGroup: "any" }),
  },
  {
    fault: "topics share a sequence",
    killedBy: "inbox.sequences.scope",
    wrap: merging({ topic: "any" }),
  },
  {
    fault: "keys share a sequence",
    killedBy: "inbox.sequences.scope",
    wrap: merging({ partitionKey: "any" }),
  },
  {
    fault: "sequences are raised by a transaction of their own",
    killedBy: "inbox.sequences.rolled-back",
    wrap: inTransaction((_tx, base) => ({
      raiseSequences: (sequences) => base.transaction((own) => own.raiseSequences(sequences), { timeoutMs: 20_000 }),
    })),
  },
  {
    fault: "an older event does not wait for the open transaction of a newer one, and is newer",
    killedBy: "inbox.sequences.first-commits",
    wrap: comparing((sequence, last) => last === undefined || sequence.seq > last),
  },
  {
    fault: "an older event does not wait for the open transaction of a newer one, and is stale",
    killedBy: "inbox.sequences.first-rolls-back",
    wrap: (base) => {
      const open = new Map<string, bigint>();
      return inTransaction((tx) => ({
        async raiseSequences(sequences) {
          const [first] = sequences;
          const held = first === undefined ? undefined : open.get(sequenceName(first));
          if (first !== undefined && held !== undefined && held > first.seq) return sequences.map(() => false);
          for (const sequence of sequences) open.set(sequenceName(sequence), sequence.seq);
          return tx.raiseSequences(sequences);
        },
      }))(base);
    },
  },
  {
    fault: "waiting too long for a key is a failure of the handler",
    killedBy: "inbox.sequences.held-too-long",
    wrap: (base) => ({
      ...base,
      transaction: (work, options) =>
        base.transaction(work, options).catch((error: unknown) => {
          const isOurs = error instanceof Error && error.message.includes("took longer than");
          throw isOurs ? new OmniBoxError("STORE.DATA_ERROR", "lock time-out") : error;
        }),
    }),
  },
  {
    fault: "parallel transactions of a key read its sequence before they wait",
    killedBy: "inbox.sequences.parallel",
    wrap: comparing((sequence, last) => last === undefined || sequence.seq > last),
  },
];

/** Compares with what had been committed when the call began, whatever other transactions are doing. */
function comparing(isNewer: (sequence: KeySequence, last: bigint | undefined) => boolean): InboxMutant["wrap"] {
  return (base) => {
    const committed = new Map<string, bigint>();
    return {
      ...base,
      async transaction(work, options) {
        const raised: KeySequence[] = [];
        const result = await base.transaction(
          (tx) =>
            work({
              ...tx,
              async raiseSequences(sequences) {
                const answer = sequences.map((sequence) => isNewer(sequence, committed.get(sequenceName(sequence))));
                raised.push(...sequences);
                await base.findById("another round trip");
                return answer;
              },
            }),
          options,
        );
        for (const { seq, ...key } of highestOfEachKey(raised)) {
          const last = committed.get(sequenceName(key));
          if (last === undefined || last < seq) committed.set(sequenceName(key), seq);
        }
        return result;
      },
    };
  };
}

function merging(same: Partial<KeySequence>): InboxMutant["wrap"] {
  return inTransaction((tx) => ({
    raiseSequences: (sequences) => tx.raiseSequences(sequences.map((sequence) => ({ ...sequence, ...same }))),
  }));
}
