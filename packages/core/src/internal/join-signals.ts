/** Several signals as one. */
export interface JoinedSignals {
  /** Aborted as soon as one of them is, with its reason. */
  readonly signal: AbortSignal;
  /** Ends the listening: the signals may live as long as the process, and `AbortSignal.any` keeps what it made of them. */
  release(): void;
}

export function joinSignals(...signals: readonly AbortSignal[]): JoinedSignals {
  const controller = new AbortController();
  const listeners = signals.map((signal) => {
    const onAbort = () => controller.abort(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    return () => signal.removeEventListener("abort", onAbort);
  });
  return {
    signal: controller.signal,
    release() {
      for (const remove of listeners) remove();
    },
  };
}
