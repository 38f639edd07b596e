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

/**
 * Says what is wrong with the heartbeat of a publisher's connection; `null` when nothing is.
 *
 * A broker notices a silent publisher after about three heartbeats. Until then a message that a paused process was about to
 * write can still arrive late, after another worker took its place (protocol rule R12): a repetition, and with
 * `onFailedKey: "skip"` one out of order.
 *
 * @param heartbeatSeconds - as negotiated; 0 means none, `undefined` that it is not known
 */
export function heartbeatWarning(heartbeatSeconds: number | undefined, publishTimeoutMs: number): string | null {
  if (heartbeatSeconds === undefined) return null;
  const wantedSeconds = Math.max(1, Math.floor(publishTimeoutMs / 3_000));
  const advice = `connect with ?heartbeat=${wantedSeconds} in the URL`;
  if (heartbeatSeconds === 0) {
    return `the connection has no heartbeat: a paused publisher can publish late without bound; ${advice}`;
  }
  if (heartbeatSeconds * 3_000 <= publishTimeoutMs) return null;
  return (
    `3 × the AMQP heartbeat of ${heartbeatSeconds} s is longer than the publish time-out of ${publishTimeoutMs} ms: ` +
    `a paused publisher can publish that late; ${advice}`
  );
}
