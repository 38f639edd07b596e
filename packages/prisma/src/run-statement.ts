import { OmniBoxError } from "@omni-box/core";
import { mapPrismaError } from "./map-prisma-error.js";

/**
 * Waits for one auto-committed database call, for at most `timeoutMs`, and maps its error.
 *
 * The statement itself cannot be recalled: after a time-out it may still be executed, and its late answer is ignored.
 *
 * @param purpose - completes "could not …" in messages
 * @throws {OmniBoxError} STORE.TIMEOUT when no answer came in time; the statement may have been executed.
 */
export async function runStatement<Result>(
  purpose: string,
  timeoutMs: number,
  call: () => PromiseLike<Result>,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(timedOut(purpose, timeoutMs)), timeoutMs);
  });
  try {
    return await Promise.race([call(), timeout]);
  } catch (error) {
    throw mapPrismaError(error, purpose);
  } finally {
    clearTimeout(timer);
  }
}

function timedOut(purpose: string, timeoutMs: number): OmniBoxError {
  return new OmniBoxError(
    "STORE.TIMEOUT",
    `could not ${purpose}: the database did not answer within ${timeoutMs} ms; it may have happened`,
    { meta: { timeoutMs } },
  );
}
