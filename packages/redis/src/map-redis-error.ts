import { isOmniBoxError, OmniBoxError } from "@omni-box/core";

/** What the words mean with which a reply of Redis begins, and what to do where a person has to. */
const replies: Readonly<Record<string, string>> = {
  BUSY: "is busy with a script",
  CLUSTERDOWN: "is a cluster without a majority",
  ERR: "refused the command",
  LOADING: "is still loading its data",
  MASTERDOWN: "is a replica that has lost its master",
  MISCONF: "takes no writes, since it cannot save its data",
  NOAUTH: "asks for a password: give the client one",
  NOPERM: "does not permit the command or the key: see the user's access rules",
  NOREPLICAS: "takes no writes, since it has too few replicas",
  OOM: "has no memory left for writes",
  READONLY: "is a replica and takes no writes: connect to the master",
  TRYAGAIN: "is moving the key to another node",
  UNKILLABLE: "is busy with a script",
  WRONGPASS: "refused the client's password",
  WRONGTYPE: "holds something under the key that is no lock: choose another keyPrefix",
};

const networkCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ETIMEDOUT",
  "ERR_STREAM_DESTROYED",
]);
const tlsCode = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH)/;
const notConnected =
  /^(Connection is closed|Stream isn't writeable|connect ETIMEDOUT|None of startup nodes|All sentinels)/;
const noAnswer = /^(Command timed out|Socket timeout)/;

/**
 * Translates what ioredis throws into LOCK.UNAVAILABLE. What it does not know comes back unchanged.
 *
 * The error is neither quoted nor kept as the cause: its `command` holds keys and tokens, and a reply may hold them too.
 */
export function mapRedisError(error: unknown): unknown {
  const reason = reasonOfRedisError(error);
  return reason === null ? error : new OmniBoxError("LOCK.UNAVAILABLE", `Redis ${reason}`);
}

/** What an error of ioredis says, as the end of a sentence that begins with "Redis"; `null` for any other. */
export function reasonOfRedisError(error: unknown): string | null {
  if (isOmniBoxError(error) || !(error instanceof Error)) return null;
  const { name, message } = error;
  const code: unknown = Reflect.get(error, "code");
  if (typeof code === "string" && (networkCodes.has(code) || tlsCode.test(code))) return `cannot be reached: ${code}`;
  if (notConnected.test(message)) return "cannot be reached: there is no connection";
  if (noAnswer.test(message)) return "did not answer in time";
  if (name === "MaxRetriesPerRequestError" || name === "AbortError")
    return "cannot be reached: the connection was lost";
  if (name === "ClusterAllFailedError") return "cannot be reached: no node of the cluster answers";
  if (name !== "ReplyError") return null;
  const word = /^[A-Z]+/.exec(message)?.[0] ?? "ERR";
  return `${replies[word] ?? "refused the command"} (${word})`;
}
