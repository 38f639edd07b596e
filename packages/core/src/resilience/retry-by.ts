import { z } from "zod";
import { objectWith, validateOptions } from "../errors/validate-options.js";
import { exponentialRetry } from "./exponential-retry.js";
import type { FailedAttempt, RetryPolicy } from "./retry-policy.js";

/** Options of {@link retryBy}. */
export interface RetryByOptions {
  /** By the type of the event, which is looked at first. A policy here may itself be one of `retryBy({ codes })`. */
  readonly types?: Readonly<Record<string, RetryPolicy>> | undefined;
  /**
   * By the code of the failure: a code of omni-box, the `code` of a foreign error, or the name of its class where it has none.
   * `"BROKER.*"` stands for all codes that begin with `BROKER.` and are not named themselves.
   */
  readonly codes?: Readonly<Record<string, RetryPolicy>> | undefined;
  /** For all others; default `exponentialRetry()`. */
  readonly otherwise?: RetryPolicy | undefined;
}

const policy = objectWith<RetryPolicy>("a retry policy", "delayMs");
const policies = z.record(z.string().min(1), policy).optional();

const retryByOptions = z.strictObject({
  types: policies,
  codes: policies,
  otherwise: policy.default(() => exponentialRetry()),
});

/**
 * A policy that chooses another one by the event and its failure.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function retryBy(options: RetryByOptions): RetryPolicy {
  const names = Object.keys({ ...options?.types, ...options?.codes });
  const valid = validateOptions("retryBy", retryByOptions, options, () =>
    names.length === 0 ? ["name at least one type or code"] : [],
  );
  // Types and codes come from elsewhere, and one may be called "constructor".
  const byType = new Map(Object.entries(valid.types ?? {}));
  const byCode = new Map(Object.entries(valid.codes ?? {}));

  function policyFor({ event, failure: { code } }: FailedAttempt): RetryPolicy {
    const namespace = `${code.slice(0, Math.max(0, code.indexOf(".")))}.*`;
    return byType.get(event.type) ?? byCode.get(code) ?? byCode.get(namespace) ?? valid.otherwise;
  }

  return Object.freeze<RetryPolicy>({
    delayMs: (attempt, failed) => policyFor(failed).delayMs(attempt, failed),
    limits: (failed) => policyFor(failed).limits?.(failed) ?? {},
  });
}
