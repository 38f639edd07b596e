import type { LogFields, Logger } from "@omni-box/core";

/** Logs a warning from where nothing may throw: what the logger throws, or rejects with, is dropped with its line. */
export function warnCautiously(logger: Logger, fields: LogFields, message: string): void {
  try {
    const said: unknown = logger.warn(fields, message);
    if (said instanceof Promise) said.catch(nowhereToSayIt);
  } catch (error) {
    nowhereToSayIt(error);
  }
}

function nowhereToSayIt(_error: unknown): void {}
