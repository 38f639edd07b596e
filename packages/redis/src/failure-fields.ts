import { describeFailure, type FailureDescription } from "@omni-box/core";
import { reasonOfRedisError } from "./map-redis-error.js";

/** What a log line says of an error: of those of ioredis only what they mean, since they hold what was sent. */
export function failureFields(error: unknown): FailureDescription {
  const reason = reasonOfRedisError(error);
  return reason === null ? describeFailure(error) : { code: "REDIS", message: `Redis ${reason}` };
}
