import type { LogFields, Logger } from "../protocols/logger.js";

/** The application's logger, whose errors must not end a worker: what it throws, or rejects with, is dropped with its line. */
export function cautiousLogger(logger: Logger): Logger {
  const at = (level: keyof Logger) => (fields: LogFields, message: string) => {
    try {
      const said: unknown = logger[level](fields, message);
      if (said instanceof Promise) said.catch(ignore);
    } catch (error) {
      ignore(error);
    }
  };
  return Object.freeze<Logger>({ debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") });
}

/** There is nowhere left to say it. */
function ignore(_error: unknown): void {}
