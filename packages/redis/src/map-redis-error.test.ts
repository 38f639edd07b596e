import { isOmniBoxError, OmniBoxError } from "@omni-box/core";
import { describe, expect, it } from "vitest";
import { mapRedisError } from "./map-redis-error.js";

const token = "0a1b2c3d-secret-token";

/** As ioredis makes them: with the command that failed. */
function error(name: string, message: string, fields: object = {}): Error {
  const command = { name: "eval", args: ["script", "1", "omni-box:lock:held:order-7", token] };
  return Object.assign(new Error(message), { name, command, ...fields });
}

const reply = (message: string) => error("ReplyError", message);
const plain = (message: string, code?: string) => error("Error", message, code === undefined ? {} : { code });

const table: readonly [Error, RegExp][] = [
  [plain("connect ECONNREFUSED 127.0.0.1:6379", "ECONNREFUSED"), /cannot be reached: ECONNREFUSED$/],
  [plain("read ECONNRESET", "ECONNRESET"), /cannot be reached: ECONNRESET$/],
  [plain("write EPIPE", "EPIPE"), /cannot be reached: EPIPE$/],
  [plain("getaddrinfo ENOTFOUND redis", "ENOTFOUND"), /cannot be reached: ENOTFOUND$/],
  [plain("self-signed certificate", "DEPTH_ZERO_SELF_SIGNED_CERT"), /cannot be reached: DEPTH_ZERO/],
  [plain("connect ETIMEDOUT"), /there is no connection$/],
  [plain("Connection is closed."), /there is no connection$/],
  [plain("Stream isn't writeable and enableOfflineQueue options is false"), /there is no connection$/],
  [plain("All sentinels are unreachable. Retrying from scratch after 10ms."), /there is no connection$/],
  [plain("Command timed out"), /did not answer in time$/],
  [plain("Socket timeout. Expecting data, but didn't receive any in 3000ms."), /did not answer in time$/],
  [error("MaxRetriesPerRequestError", "Reached the max retries per request limit"), /the connection was lost$/],
  [error("AbortError", "Command aborted due to connection close"), /the connection was lost$/],
  [error("ClusterAllFailedError", "Failed to refresh slots cache."), /no node of the cluster answers$/],
  [reply("LOADING Redis is loading the dataset in memory"), /still loading its data \(LOADING\)$/],
  [reply("BUSY Redis is busy running a script."), /busy with a script \(BUSY\)$/],
  [reply("UNKILLABLE Sorry the script already executed write commands"), /\(UNKILLABLE\)$/],
  [reply("READONLY You can't write against a read only replica."), /takes no writes: connect to the master/],
  [reply("MASTERDOWN Link with MASTER is down"), /\(MASTERDOWN\)$/],
  [reply("OOM command not allowed when used memory > 'maxmemory'."), /no memory left/],
  [reply("MISCONF Redis is configured to save RDB snapshots"), /cannot save its data/],
  [reply("NOREPLICAS Not enough good replicas to write."), /too few replicas/],
  [reply("CLUSTERDOWN Hash slot not served"), /without a majority/],
  [reply("TRYAGAIN Multiple keys request during rehashing of slot"), /\(TRYAGAIN\)$/],
  [reply("NOAUTH Authentication required."), /asks for a password/],
  [reply("WRONGPASS invalid username-password pair"), /refused the client's password/],
  [
    reply("NOPERM User app has no permissions to access the 'omni-box:lock:held:order-7' key"),
    /access rules \(NOPERM\)$/,
  ],
  [reply("WRONGTYPE Operation against a key holding the wrong kind of value"), /choose another keyPrefix/],
  [reply(`ERR value is not an integer or out of range ${token}`), /refused the command \(ERR\)$/],
  [reply(`SOMETHINGNEW about ${token}`), /refused the command \(SOMETHINGNEW\)$/],
  [reply(`user_script:1: ${token}`), /refused the command \(ERR\)$/],
];

describe("mapping an error of ioredis", () => {
  it.each(table)("%s: LOCK.UNAVAILABLE that says %s, and holds neither key nor token", (cause, text) => {
    const mapped = mapRedisError(cause);
    expect(isOmniBoxError(mapped, "LOCK.UNAVAILABLE")).toBe(true);
    expect(mapped).toMatchObject({ message: expect.stringMatching(text) });
    expect(mapped).not.toHaveProperty("cause");
    const everything = [String(mapped), JSON.stringify(mapped), JSON.stringify((mapped as OmniBoxError).meta)].join();
    expect(everything).not.toContain(token);
    expect(everything).not.toContain("order-7");
  });

  it("leaves our own errors, those it does not know and what is no error alone", () => {
    const own = new OmniBoxError("LOCK.UNAVAILABLE", "said already");
    for (const thrown of [own, new TypeError("a bug"), plain("something new"), "text", undefined])
      expect(mapRedisError(thrown)).toBe(thrown);
  });
});
