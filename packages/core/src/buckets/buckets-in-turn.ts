/** The buckets in the order of their numbers, beginning behind the one whose turn it was last: however they change, none is left out. */
export function bucketsInTurn(buckets: readonly number[], last: number): readonly number[] {
  const inOrder = [...buckets].sort((a, b) => a - b);
  return [...inOrder.filter((bucket) => bucket > last), ...inOrder.filter((bucket) => bucket <= last)];
}
