import type { Logger } from "@omni-box/core";

/** Keeps the messages of warnings and errors. */
export interface RecordingLogger extends Logger {
  readonly messages: readonly string[];
  /** How many messages begin with this text. */
  count(beginning: string): number;
}

export function createRecordingLogger(): RecordingLogger {
  const messages: string[] = [];
  const keep = (_fields: unknown, message: string) => {
    messages.push(message);
  };
  return {
    messages,
    count: (beginning) => messages.filter((message) => message.startsWith(beginning)).length,
    debug() {},
    info() {},
    warn: keep,
    error: keep,
  };
}
