import type { Outcome } from "../pipeline/outcome.js";
import type { Clock } from "../protocols/clock.js";
import type { DeadLetterEvent } from "./dead-letter-message.js";
import type { TakenLetter } from "./letters-in-hand.js";
import { type LetterPublishing, publishLetter } from "./publish-letter.js";

/** How long letters are waited for. */
export interface LetterPatience {
  readonly clock: Clock;
  /** Aborted when nobody waits any more. */
  readonly abandon: AbortSignal;
}

/**
 * Publishes letters beside each other. Never rejects.
 *
 * @returns their outcomes in the same order; `undefined` for those that were still on their way when the lease ran out, or `abandon` was aborted
 */
export function publishLetters<E extends DeadLetterEvent>(
  letters: readonly TakenLetter<E>[],
  publishing: LetterPublishing<E>,
  { clock, abandon }: LetterPatience,
): Promise<readonly (Outcome | undefined)[]> {
  const outcomes = new Array<Outcome | undefined>(letters.length).fill(undefined);
  return new Promise((resolve) => {
    let left = letters.length;
    const finish = () => {
      cancel();
      abandon.removeEventListener("abort", finish);
      // A copy, so that what settles later does not change the decision.
      resolve([...outcomes]);
    };
    const leaseMs = Math.max(0, ...letters.map(({ deadline }) => deadline.remainingMs()));
    const cancel = clock.schedule(leaseMs, finish);
    abandon.addEventListener("abort", finish, { once: true });
    letters.forEach(({ letter, deadline }, index) => {
      const mayWrite = () => !abandon.aborted && deadline.remainingMs() >= publishing.publishTimeoutMs;
      void publishLetter(letter, publishing, mayWrite).then((outcome) => {
        outcomes[index] = outcome;
        left -= 1;
        if (left === 0) finish();
      });
    });
  });
}
