import type { InboxEvent } from "../events/inbox-event.js";
import type { LogFields, Logger } from "../protocols/logger.js";

/** A logger whose lines also say which event they are about; a line's own fields win. */
export function loggerFor(logger: Logger, { messageId, type, consumerGroup }: InboxEvent): Logger {
  const about: LogFields = { messageId, eventType: type, consumerGroup };
  const at = (level: keyof Logger) => (fields: LogFields, message: string) =>
    logger[level]({ ...about, ...fields }, message);
  return Object.freeze<Logger>({ debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") });
}
