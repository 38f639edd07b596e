/** Ends the listening. Idempotent. Resolves within a bounded time, when nothing is called any more; never rejects. */
export type StopListening = () => Promise<void>;

/**
 * The receiving end of a channel between processes, over which those that commit events wake those that wait for them.
 *
 * A hint and no more: nothing may depend on it. Wake-ups may be lost, repeated or late, and polling finds what they missed.
 */
export interface WakeUp {
  /**
   * Calls `onWake` for wake-ups, and each time it begins to hear them again, since some may have been missed until then.
   *
   * Returns at once: it connects, and after a loss connects again, in the background, and says in its log when it cannot. May be
   * called several times; each call listens by itself. `onWake` does not throw.
   */
  listen(onWake: () => void): StopListening;
}

/** The sending end of a {@link WakeUp}. */
export interface WakeUpSender {
  /**
   * Wakes the listeners soon, outside of any transaction: call it after the commit. Many calls within a short time become one
   * wake-up, which is sent after the last of them. Never throws and waits for nothing; what cannot be sent is dropped.
   */
  notify(): void;
}
