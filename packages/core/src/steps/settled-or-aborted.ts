/** Waits for work that is someone else's and never rejects, until one of the signals is aborted. */
export function settledOrAborted<T>(work: Promise<T>, ...signals: readonly AbortSignal[]): Promise<T | "aborted"> {
  if (signals.some((signal) => signal.aborted)) return Promise.resolve("aborted");
  return new Promise((resolve) => {
    const finish = (result: T | "aborted") => {
      // The signals may live as long as the process.
      for (const signal of signals) signal.removeEventListener("abort", onAbort);
      resolve(result);
    };
    const onAbort = () => finish("aborted");
    for (const signal of signals) signal.addEventListener("abort", onAbort, { once: true });
    void work.then(finish);
  });
}
