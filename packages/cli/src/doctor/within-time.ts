import { setTimeout as pause } from "node:timers/promises";

/** What `work` comes to, or an error after `ms`: a server that is stopped, and not gone, never answers. */
export async function withinTime<Result>(work: Promise<Result>, ms: number): Promise<Result> {
  const answered = new AbortController();
  const late = pause(ms, undefined, { signal: answered.signal }).then(() => {
    throw new Error(`it did not answer within ${ms} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    answered.abort();
    late.catch(() => undefined);
  }
}
