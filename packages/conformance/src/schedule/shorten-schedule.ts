/**
 * Removes parts of a failing list, larger ones first, as long as the rest still fails, so that a person can read it.
 *
 * @param fails - tells whether the check still fails on a shorter list
 */
export async function shortenSchedule<Step>(
  steps: readonly Step[],
  fails: (steps: readonly Step[]) => Promise<boolean>,
): Promise<readonly Step[]> {
  let shortest = steps;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < shortest.length; ) {
      const rest = [...shortest.slice(0, from), ...shortest.slice(from + size)];
      if (await fails(rest)) shortest = rest;
      else from += size;
    }
  }
  return shortest;
}
