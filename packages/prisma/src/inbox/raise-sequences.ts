import { highestOfEachKey, type KeySequence, newerInTurn, sequenceName } from "@omni-box/core";
import type { InboxDialect, RaisedSequences } from "../inbox-dialect.js";
import type { Statement } from "../statement.js";

/** Where sequences are raised, and how. */
export interface RaiseSequencesOptions {
  readonly dialect: InboxDialect;
  readonly lockTimeoutMs: number;
  /** Runs one statement and returns its rows. */
  query<Row>(purpose: string, statement: Statement): Promise<readonly Row[]>;
}

/** Raises the sequences of keys and says of each event whether it is newer; see `InboxTransaction.raiseSequences`. */
export async function raiseSequences(
  sequences: readonly KeySequence[],
  { dialect, lockTimeoutMs, query }: RaiseSequencesOptions,
): Promise<readonly boolean[]> {
  if (sequences.length === 0) return [];
  const highest = highestOfEachKey(sequences);
  const rows = await query<RaisedSequences>("raise sequences", dialect.raiseSequences(highest, lockTimeoutMs));
  // A key that was not raised stands at its highest number already, or above it.
  const lastSeqs = new Map<string, bigint | null>(
    highest.map((sequence): [string, bigint] => [sequenceName(sequence), sequence.seq]),
  );
  for (const { formerSeq, ...key } of rows.flatMap(({ raised }) => raised))
    lastSeqs.set(sequenceName(key), formerSeq === null ? null : BigInt(formerSeq));
  return newerInTurn(sequences, (sequence) => lastSeqs.get(sequenceName(sequence)) ?? null);
}
