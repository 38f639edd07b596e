import type { LogFields, Logger } from "../src/protocols/logger.js";

/** One line that was logged. */
export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: LogFields;
  readonly message: string;
}

/** A logger that keeps its lines. */
export interface CapturedLogger extends Logger {
  readonly lines: readonly LogLine[];
  /** Messages of warnings and errors. */
  readonly alarms: readonly string[];
}

export function captureLogger(): CapturedLogger {
  const lines: LogLine[] = [];
  const at = (level: LogLine["level"]) => (fields: LogFields, message: string) =>
    void lines.push({ level, fields, message });
  return {
    lines,
    get alarms() {
      return lines.filter(({ level }) => level === "warn" || level === "error").map(({ message }) => message);
    },
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
  };
}
