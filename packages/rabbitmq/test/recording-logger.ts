import type { LogFields, Logger } from "@omni-box/core";

/** One line that was logged. */
export interface LogLine {
  readonly level: keyof Logger;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that remembers, and that tests can wait on instead of sleeping. */
export interface RecordingLogger extends Logger {
  readonly lines: readonly LogLine[];
  /** Resolves when so many lines match, now or later. */
  waitFor(pattern: RegExp, times?: number): Promise<void>;
  /** What was said at these levels, without the warning about the heartbeat: the tests' time-outs are short on purpose. */
  messages(...levels: readonly (keyof Logger)[]): string[];
}

export function createRecordingLogger(): RecordingLogger {
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  const record = (level: keyof Logger) => (fields: LogFields, message: string) => {
    lines.push({ level, message, fields });
    for (const check of waiting) check();
  };
  return {
    lines,
    debug: record("debug"),
    info: record("info"),
    warn: record("warn"),
    error: record("error"),
    messages: (...levels) =>
      lines
        .filter((line) => levels.includes(line.level) && !line.message.includes("?heartbeat="))
        .map((line) => line.message),
    waitFor(pattern, times = 1) {
      return new Promise((resolve) => {
        const check = () => {
          if (lines.filter((line) => pattern.test(line.message)).length < times) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      });
    },
  };
}
