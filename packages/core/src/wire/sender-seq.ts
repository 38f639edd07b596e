/** The largest number that stores keep. */
const senderSeqMax = 2n ** 63n - 1n;

/** The number in a header or a body's member; `null` when it is none. */
export function senderSeqOf(value: unknown): bigint | null {
  // Bounded before it is read: the text may be as long as the message.
  return typeof value === "string" && /^[0-9]{1,19}$/.test(value) ? storableSeq(BigInt(value)) : null;
}

/** What a parser gave, if it can be stored; unknown, since parsers without types return anything. */
export function storableSeq(value: unknown): bigint | null {
  return typeof value === "bigint" && value >= 0n && value <= senderSeqMax ? value : null;
}
