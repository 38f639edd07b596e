import { isOmniBoxError, OmniBoxError } from "@omni-box/core";
import { describe, expect, it } from "vitest";
import { type AmqpActivity, amqpReply, mapAmqpError } from "./map-amqp-error.js";

function error(message: string, fields: object = {}): Error {
  return Object.assign(new Error(message), fields);
}

const closed = (text: string, code: number) =>
  error(`Channel closed by server: ${text}`, { code, classId: 60, methodId: 40 });
const notFound = closed(`404 (NOT-FOUND) with message "NOT_FOUND - no exchange 'x' in vhost '/'"`, 404);
const unknown = "unchanged";

/** Error · what it becomes while publishing · what it becomes while connecting. */
const table: readonly [Error, string, string][] = [
  [error("message nacked"), "BROKER.NACKED", unknown],
  [error("channel closed"), "BROKER.CONNECTION_LOST", "BROKER.UNREACHABLE"],
  [error("Channel ended, no reply will be forthcoming"), "BROKER.CONNECTION_LOST", "BROKER.UNREACHABLE"],
  [error("Channel closing", { name: "IllegalOperationError" }), "BROKER.CONNECTION_LOST", "BROKER.UNREACHABLE"],
  [error("anything", { name: "IllegalOperationError" }), "BROKER.CONNECTION_LOST", "BROKER.UNREACHABLE"],
  [notFound, "BROKER.MESSAGE_REFUSED", "BROKER.UNREACHABLE"],
  [closed('403 (ACCESS-REFUSED) with message "no"', 403), "BROKER.MESSAGE_REFUSED", "BROKER.UNREACHABLE"],
  [closed('406 (PRECONDITION-FAILED) with message "too large"', 406), "BROKER.MESSAGE_REFUSED", "BROKER.UNREACHABLE"],
  [error("Connection closed: 320 (CONNECTION-FORCED)", { code: 320 }), "BROKER.CONNECTION_LOST", "BROKER.UNREACHABLE"],
  [error("Connection closed: 501 (FRAME-ERROR)", { code: 501 }), "BROKER.CONNECTION_LOST", "BROKER.UNREACHABLE"],
  [error("read ECONNRESET", { code: "ECONNRESET" }), "BROKER.CONNECTION_LOST", "BROKER.UNREACHABLE"],
  [error("write EPIPE", { code: "EPIPE" }), "BROKER.CONNECTION_LOST", "BROKER.UNREACHABLE"],
  [error("Heartbeat timeout"), "BROKER.CONNECTION_LOST", "BROKER.UNREACHABLE"],
  [error("Unexpected close"), "BROKER.CONNECTION_LOST", "BROKER.UNREACHABLE"],
  [error("connect ECONNREFUSED 127.0.0.1:1", { code: "ECONNREFUSED" }), "BROKER.UNREACHABLE", "BROKER.UNREACHABLE"],
  [error("getaddrinfo ENOTFOUND x", { code: "ENOTFOUND" }), "BROKER.UNREACHABLE", "BROKER.UNREACHABLE"],
  [error("connect ETIMEDOUT"), "BROKER.UNREACHABLE", "BROKER.UNREACHABLE"],
  [error("self-signed", { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }), "BROKER.UNREACHABLE", "BROKER.UNREACHABLE"],
  [error("altname", { code: "ERR_TLS_CERT_ALTNAME_INVALID" }), "BROKER.UNREACHABLE", "BROKER.UNREACHABLE"],
  [error("Handshake terminated by server: 403 (ACCESS-REFUSED)"), "BROKER.UNREACHABLE", "BROKER.UNREACHABLE"],
  [error("Socket closed abruptly during opening handshake"), "BROKER.UNREACHABLE", "BROKER.UNREACHABLE"],
  [new TypeError("Field 'type' is the wrong type"), "BROKER.MESSAGE_REFUSED", unknown],
  [new RangeError("Encoded field table exceeds the 65536 byte encoding buffer"), "BROKER.MESSAGE_REFUSED", unknown],
  [error("something new"), unknown, unknown],
];

function mappedCode(cause: unknown, activity: AmqpActivity): string {
  const mapped = mapAmqpError(cause, { activity, subject: "message 1" });
  if (mapped === cause) return unknown;
  return isOmniBoxError(mapped) ? mapped.code : "something else";
}

describe("mapping an error of amqplib", () => {
  it.each(table)("%s: publishing %s, connecting %s", (cause, publishing, connecting) => {
    expect(mappedCode(cause, "publishing")).toBe(publishing);
    expect(mappedCode(cause, "connecting")).toBe(connecting);
  });

  it("leaves our own errors and what is no error alone", () => {
    const own = new OmniBoxError("BROKER.BLOCKED", "held back");

    expect(mappedCode(own, "publishing")).toBe(unknown);
    expect(mappedCode("a string", "publishing")).toBe(unknown);
  });

  it("keeps the broker's own words, the subject and the facts", () => {
    const mapped = mapAmqpError(notFound, { activity: "publishing", subject: "message 1", meta: { topic: "orders" } });

    expect(mapped).toMatchObject({
      message: "BROKER.MESSAGE_REFUSED: message 1: NOT_FOUND - no exchange 'x' in vhost '/'",
      meta: { topic: "orders", replyCode: 404 },
    });
  });

  it("does not repeat credentials", () => {
    const cause = error("connect ECONNREFUSED amqp://user:secret@host", { code: "ECONNREFUSED" });

    const mapped = mapAmqpError(cause, { activity: "connecting", subject: "the connection" });

    expect(String(mapped)).not.toContain("secret");
  });
});

describe("the broker's reply", () => {
  it("is read from an error with a numeric code, whether its text is quoted or not", () => {
    expect(amqpReply(notFound)).toEqual({ code: 404, text: "NOT_FOUND - no exchange 'x' in vhost '/'" });
    expect(amqpReply(error("closed", { code: 320 }))).toEqual({ code: 320, text: "closed" });
  });

  it("is absent from any other error", () => {
    expect(amqpReply(error("reset", { code: "ECONNRESET" }))).toBe(null);
    expect(amqpReply(undefined)).toBe(null);
  });
});
