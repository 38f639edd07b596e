/** The longest heartbeat of a consumer that is not worth a warning, in seconds. */
const longestConsumerHeartbeat = 20;

/**
 * Says what is wrong with the heartbeat of a consumer's connection; `null` when nothing is.
 *
 * A consumer writes nothing while nothing is delivered, so only the heartbeat shows that the other end is gone.
 *
 * @param heartbeatSeconds - as negotiated; 0 means none, `undefined` that it is not known
 */
export function consumerHeartbeatWarning(heartbeatSeconds: number | undefined): string | null {
  if (heartbeatSeconds === undefined) return null;
  const advice = "connect with ?heartbeat=10 in the URL";
  if (heartbeatSeconds === 0) {
    return `the connection has no heartbeat: a consumer whose connection is half open looks healthy and gets nothing; ${advice}`;
  }
  if (heartbeatSeconds <= longestConsumerHeartbeat) return null;
  return (
    `the AMQP heartbeat of ${heartbeatSeconds} s is long: a dead connection is noticed after about three of them, and ` +
    `until then its messages are kept from other consumers; ${advice}`
  );
}

/** After a write is permitted, nobody else publishes the message for as long as both together. */
export interface TakeoverTimes {
  readonly publishTimeoutMs: number;
  readonly takeoverGraceMs: number;
}

/**
 * Says what is wrong with the heartbeat of a publisher's connection; `null` when nothing is.
 *
 * A broker notices a silent publisher after about three heartbeats. Until then a message that a paused process was about to
 * write can still arrive late, after another worker took its place (protocol rule R12): a repetition, and with
 * `onFailedKey: "skip"` one out of order.
 *
 * @param heartbeatSeconds - as negotiated; 0 means none, `undefined` that it is not known
 */
export function heartbeatWarning(heartbeatSeconds: number | undefined, times: TakeoverTimes): string | null {
  if (heartbeatSeconds === undefined) return null;
  const { publishTimeoutMs, takeoverGraceMs } = times;
  const takeoverMs = publishTimeoutMs + takeoverGraceMs;
  if (heartbeatSeconds === 0) {
    return `the connection has no heartbeat: a paused publisher can publish late without bound; ${advice(heartbeatSeconds, takeoverMs)}`;
  }
  if (heartbeatSeconds * 3_000 <= takeoverMs) return null;
  const timeout = `the publish time-out of ${publishTimeoutMs} ms`;
  const compared =
    takeoverGraceMs === 0 ? timeout : `${timeout} and the take-over grace of ${takeoverGraceMs} ms together`;
  return (
    `3 × the AMQP heartbeat of ${heartbeatSeconds} s is longer than ${compared}: ` +
    `a paused publisher can publish that late; ${advice(heartbeatSeconds, takeoverMs)}`
  );
}

/** AMQP counts heartbeats in whole seconds, so three of them are 3 s at least. */
function advice(heartbeatSeconds: number, takeoverMs: number): string {
  const wantedSeconds = Math.max(1, Math.floor(takeoverMs / 3_000));
  const connect = `connect with ?heartbeat=${wantedSeconds} in the URL`;
  if (takeoverMs >= 3_000) return connect;
  const raise =
    "no heartbeat is short enough: raise publishTimeoutMs, or takeoverGraceMs of ownedBuckets(), " +
    `by ${3_000 - takeoverMs} ms`;
  return heartbeatSeconds === 1 ? raise : `${raise}, and ${connect}`;
}
