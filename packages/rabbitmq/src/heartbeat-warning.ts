/**
 * Says what is wrong with a connection's heartbeat; `null` when nothing is.
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
