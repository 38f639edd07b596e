import { type ErrorCode, type ErrorMeta, isOmniBoxError, OmniBoxError, sanitizeFailureMessage } from "@omni-box/core";

/** What was going on when the error came; the same error means different things. */
export type AmqpActivity = "connecting" | "publishing";

/** What {@link mapAmqpError} should know of the circumstances. */
export interface AmqpErrorContext {
  readonly activity: AmqpActivity;
  /** What failed, to begin the message with, such as "message 0190…". */
  readonly subject: string;
  readonly meta?: ErrorMeta;
}

/** The broker's own words when it closed a channel or a connection. */
export interface AmqpReply {
  /** The AMQP reply code, such as 404. */
  readonly code: number;
  readonly text: string;
}

// Reply codes with which a broker closes a channel over what was asked of it (AMQP 0-9-1, section 1.2, "soft errors").
const softErrors = new Set([311, 312, 313, 403, 404, 405, 406]);
const unreachableCodes = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ETIMEDOUT",
]);
const lostCodes = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED", "ERR_STREAM_DESTROYED"]);
const tlsCode = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH)/;
const handshakeMessage = /^(Handshake terminated by server|Socket closed abruptly|connect ETIMEDOUT|SASL mechanism)/;
const lostMessage =
  /^(channel closed$|Channel ended, no reply|Channel clos|Connection clos|Heartbeat timeout$|Unexpected close$)/;

/**
 * Translates what amqplib throws, emits or hands to a callback. What it does not know comes back unchanged.
 *
 * | error | connecting | publishing |
 * |---|---|---|
 * | `message nacked` | | BROKER.NACKED |
 * | channel closed by the broker with 311, 312, 313, 403, 404, 405 or 406 | BROKER.UNREACHABLE | BROKER.MESSAGE_REFUSED |
 * | TypeError or RangeError of the encoder | unchanged | BROKER.MESSAGE_REFUSED |
 * | network, TLS and handshake errors | BROKER.UNREACHABLE | BROKER.UNREACHABLE |
 * | reset, heartbeat time-out, forced close, use after close | BROKER.UNREACHABLE | BROKER.CONNECTION_LOST |
 */
export function mapAmqpError(error: unknown, context: AmqpErrorContext): unknown {
  if (isOmniBoxError(error) || !(error instanceof Error)) return error;
  const code = brokerCode(error, context.activity === "connecting");
  if (code === null) return error;
  const reply = amqpReply(error);
  const text = sanitizeFailureMessage(reply?.text ?? error.message);
  const meta = reply === null ? context.meta : { ...context.meta, replyCode: reply.code };
  return new OmniBoxError(code, `${context.subject}: ${text}`, meta === undefined ? {} : { meta });
}

/** Reads the reply code and text from an error that amqplib made of a close frame; `null` for any other error. */
export function amqpReply(error: unknown): AmqpReply | null {
  if (!(error instanceof Error)) return null;
  const code: unknown = Reflect.get(error, "code");
  if (typeof code !== "number") return null;
  const quoted = /with message "(.*)"$/s.exec(error.message)?.[1];
  return { code, text: quoted ?? error.message };
}

function brokerCode(error: Error, connecting: boolean): ErrorCode | null {
  const code: unknown = Reflect.get(error, "code");
  if (typeof code === "number") {
    if (connecting) return "BROKER.UNREACHABLE";
    return softErrors.has(code) ? "BROKER.MESSAGE_REFUSED" : "BROKER.CONNECTION_LOST";
  }
  if (typeof code === "string") {
    if (unreachableCodes.has(code) || tlsCode.test(code)) return "BROKER.UNREACHABLE";
    if (lostCodes.has(code)) return connecting ? "BROKER.UNREACHABLE" : "BROKER.CONNECTION_LOST";
  }
  if (handshakeMessage.test(error.message)) return "BROKER.UNREACHABLE";
  if (error.name === "IllegalOperationError" || lostMessage.test(error.message)) {
    return connecting ? "BROKER.UNREACHABLE" : "BROKER.CONNECTION_LOST";
  }
  if (connecting) return null;
  if (error.message === "message nacked") return "BROKER.NACKED";
  return error instanceof TypeError || error instanceof RangeError ? "BROKER.MESSAGE_REFUSED" : null;
}
