import { inspect } from "node:util";

/** Structured facts of a log line. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The part of a pino logger that omni-box calls; a pino instance can be passed as it is. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** Says nothing. */
export const silentLogger: Logger = Object.freeze({ debug() {}, info() {}, warn() {}, error() {} });

/** The default: warnings and errors as one line each on stderr. */
export const consoleLogger: Logger = Object.freeze({
  debug() {},
  info() {},
  warn: (fields: LogFields, message: string) => console.warn(line("warning", fields, message)),
  error: (fields: LogFields, message: string) => console.error(line("error", fields, message)),
});

function line(level: string, fields: LogFields, message: string): string {
  return `omni-box ${level}: ${message} ${inspect(fields, { breakLength: Number.POSITIVE_INFINITY, compact: true })}`;
}
