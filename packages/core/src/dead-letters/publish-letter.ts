import { isOmniBoxError } from "../errors/omni-box-error.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { DeadLetter } from "../protocols/event-administration.js";
import type { EventPublisher, OutgoingMessage } from "../protocols/event-publisher.js";
import { bareMessage, type DeadLetterEvent } from "./dead-letter-message.js";

/** How letters are published. */
export interface LetterPublishing<E extends DeadLetterEvent> {
  readonly publisher: Pick<EventPublisher, "publish">;
  readonly toMessage: (letter: DeadLetter<E>) => OutgoingMessage;
  readonly publishTimeoutMs: number;
}

/**
 * Publishes one letter. Never rejects.
 *
 * @param mayWrite - asked at every write: a letter must not leave when somebody else could have taken it before its time-out
 * @returns `completed`; `retry` when the letter itself was refused; `defer` when nothing is said about it; `release` when it was not sent
 */
export async function publishLetter<E extends DeadLetterEvent>(
  letter: DeadLetter<E>,
  { publisher, toMessage, publishTimeoutMs: timeoutMs }: LetterPublishing<E>,
  mayWrite: () => boolean,
): Promise<Outcome> {
  const options = { timeoutMs, mayWrite };
  try {
    const message = toMessage(letter);
    try {
      await publisher.publish(message, options);
    } catch (error) {
      // Received messages may hold what this broker cannot carry.
      if (!isOmniBoxError(error, "BROKER.MESSAGE_REFUSED") || !mayWrite()) throw error;
      await publisher.publish(bareMessage(message), options);
    }
    return outcome.completed();
  } catch (error) {
    const given = outcome.ofError(error);
    // It is the event's last copy but the row: trying again can help when a person has mended what was wrong.
    return given.kind === "failed" ? outcome.retry(error) : given;
  }
}
