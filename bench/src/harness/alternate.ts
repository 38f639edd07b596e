import type { Aim, BenchmarkCase } from "../benchmark-report.js";
import { median, rounded } from "./statistics.js";

/** One round of one way of doing the work; the measured value. */
export type Round = () => Promise<number>;

/** The values of each way, round by round. */
export type Rounds<Way extends string> = Readonly<Record<Way, readonly number[]>>;

/** Runs the ways in turn, every other time in the opposite order, so that all of them see the machine's better and worse minutes. */
export async function alternate<Way extends string>(
  ways: Readonly<Record<Way, Round>>,
  counts: { readonly warmUps: number; readonly rounds: number },
): Promise<Rounds<Way>> {
  const names = Object.keys(ways) as Way[];
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Way, number[]>;
  for (let round = -counts.warmUps; round < counts.rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const value = await ways[name]();
      if (round >= 0) values[name].push(value);
    }
  }
  return values;
}

/** Makes a case of what the rounds of `omniBox` and `handWritten` gave; other ways become peers. */
export function compared(
  name: string,
  unit: string,
  rounds: Rounds<string> & Rounds<"omniBox">,
  aim?: Aim,
): BenchmarkCase {
  const { omniBox, handWritten, ...peers } = rounds as Rounds<"omniBox"> & Partial<Rounds<"handWritten">>;
  const spread = [rounded(Math.min(...omniBox)), rounded(Math.max(...omniBox))] as const;
  const peerMedians = Object.entries<readonly number[]>(peers).map(([peer, values]) => [peer, rounded(median(values))]);
  return {
    case: name,
    value: rounded(median(omniBox)),
    unit,
    spread,
    ...(handWritten === undefined
      ? {}
      : { handWritten: rounded(median(handWritten)), ratio: ratio(omniBox, handWritten) }),
    ...(peerMedians.length === 0 ? {} : { peers: Object.fromEntries(peerMedians) }),
    ...(aim === undefined ? {} : { aim }),
  };
}

/** The median of the rounds' own ratios, because the machine's speed changes from one minute to the next. */
export function ratio(values: readonly number[], others: readonly number[]): number {
  const ratios = values.map((value, round) => value / (others[round] ?? Number.NaN));
  return Math.round(median(ratios) * 100) / 100;
}
