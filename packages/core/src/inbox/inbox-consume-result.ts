import type { FailureDescription } from "../errors/describe-failure.js";

/** What became of one delivered message. */
export interface InboxConsumeResult {
  /** As the sender gave it; `null` when it gave none. */
  readonly messageId: string | null;
  /** The id of the inbox row; `null` when there is none. */
  readonly eventId: string | null;
  /** The broker was told to forget the message. `false`: it will come again. */
  readonly committed: boolean;
  /** A handler completed it now. */
  readonly processed: boolean;
  /** It had been stored before. */
  readonly duplicate: boolean;
  /** Why it was not processed; `null` when it was, for duplicates, and for what was only stored for the processor. */
  readonly failure: FailureDescription | null;
}
