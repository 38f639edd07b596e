import { type LeaseDeadline, startLeaseDeadline } from "../processor/lease-deadline.js";
import type { Clock } from "../protocols/clock.js";
import type { DeadLetter, EventAdministration, TakeDeadLettersRequest } from "../protocols/event-administration.js";
import type { DeadLetterEvent } from "./dead-letter-message.js";

/** A letter that was taken, and how long nobody else will take it. */
export interface TakenLetter<E extends DeadLetterEvent> {
  readonly letter: DeadLetter<E>;
  readonly deadline: LeaseDeadline;
}

/** Letters that this worker has taken and not published; during an outage they wait here, and cost no statement. */
export interface LettersInHand<E extends DeadLetterEvent> {
  /** Up to `limit` that wait, or else that are due in the store. Rejects as the store does. */
  next(limit: number): Promise<readonly TakenLetter<E>[]>;
  /** Keeps letters for another try, behind those that wait already. */
  keep(letters: readonly TakenLetter<E>[]): void;
  /** Leaves everything to its lease. */
  drop(): void;
}

/** Where letters come from. */
export interface LetterSource<E extends DeadLetterEvent> {
  readonly administration: Pick<EventAdministration<E>, "takeDeadLetters">;
  readonly request: Omit<TakeDeadLettersRequest, "limit">;
  readonly clock: Clock;
  /** A letter of whose lease less is left is not tried any more. */
  readonly publishTimeoutMs: number;
  readonly onTaken: (letters: number) => void;
}

export function createLettersInHand<E extends DeadLetterEvent>(source: LetterSource<E>): LettersInHand<E> {
  const { administration, request, clock, publishTimeoutMs, onTaken } = source;
  let waiting: TakenLetter<E>[] = [];
  return {
    async next(limit) {
      waiting = waiting.filter(({ deadline }) => deadline.remainingMs() >= publishTimeoutMs);
      if (waiting.length > 0) return waiting.splice(0, limit);
      const deadline = startLeaseDeadline(clock, request.leaseMs);
      const letters = await administration.takeDeadLetters({ ...request, limit });
      onTaken(letters.length);
      return letters.map((letter) => ({ letter, deadline }));
    },
    keep(letters) {
      waiting.push(...letters);
    },
    drop() {
      waiting = [];
    },
  };
}
