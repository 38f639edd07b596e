import { describeFailure, type LogFields, type Logger } from "@omni-box/core";
import { reasonOfRedisError } from "./map-redis-error.js";

/** Logs a warning from where nothing may throw: what the logger throws, or rejects with, is dropped with its line. */
export function warnCautiously(logger: Logger, fields: LogFields, message: string): void {
  try {
    const said: unknown = logger.warn(fields, message);
    if (said instanceof Promise) said.catch(nowhereToSayIt);
  } catch (error) {
    nowhereToSayIt(error);
  }
}

/** What a log line says of an error: of those of ioredis only what they mean, since they hold what was sent. */
export function failureFields(error: unknown): LogFields {
  const reason = reasonOfRedisError(error);
  return reason === null ? { ...describeFailure(error) } : { code: "REDIS", message: `Redis ${reason}` };
}

function nowhereToSayIt(_error: unknown): void {}
