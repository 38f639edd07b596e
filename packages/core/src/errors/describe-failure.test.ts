import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { limits } from "../defaults.js";
import { describeFailure, sanitizeFailureMessage } from "./describe-failure.js";
import { OmniBoxError } from "./omni-box-error.js";

const bytesOf = (text: string) => Buffer.byteLength(text);

describe("sanitizeFailureMessage", () => {
  it("leaves an ordinary message as it is", () => {
    expect(sanitizeFailureMessage("the broker refused 3 messages — größer ✅")).toBe(
      "the broker refused 3 messages — größer ✅",
    );
  });

  it.each([
    ["one-byte", "a"],
    ["two-byte", "é"],
    ["three-byte", "漢"],
    ["four-byte", "😀"],
  ])("cuts %s text to the stored size without breaking a character", (_name, character) => {
    for (let shift = 0; shift < 4; shift += 1) {
      const cut = sanitizeFailureMessage("x".repeat(shift) + character.repeat(5_000));
      expect(bytesOf(cut)).toBeLessThanOrEqual(limits.lastErrorMaxBytes);
      expect(bytesOf(cut)).toBeGreaterThan(limits.lastErrorMaxBytes - 8);
      expect(cut.replace("… (truncated)", "")).toMatch(new RegExp(`^x{${shift}}(${character})+$`, "u"));
      expect(cut.endsWith("… (truncated)")).toBe(true);
    }
  });

  it("keeps a message of exactly the stored size whole", () => {
    const whole = "a".repeat(limits.lastErrorMaxBytes);
    expect(sanitizeFailureMessage(whole)).toBe(whole);
    expect(bytesOf(sanitizeFailureMessage(`${whole}a`))).toBe(limits.lastErrorMaxBytes);
  });

  it("removes what PostgreSQL cannot store: NUL and lone surrogates", () => {
    expect(sanitizeFailureMessage("a\0b\ud800c\udc00d")).toBe("a b c d");
  });

  it("makes one line of several", () => {
    expect(sanitizeFailureMessage("\n first\r\n\tsecond\u001b[31m \n")).toBe("first second [31m");
  });

  it.each([
    ["amqp://user:secret@host:5672/vhost", "amqp://***@host:5672/vhost"],
    ["connect postgresql://app:secret@db/shop?x=1 failed", "connect postgresql://***@db/shop?x=1 failed"],
    ["AMQPS://:secret@host", "AMQPS://***@host"],
    ["redis://secret@host", "redis://***@host"],
    ["amqp://a:secret@one,amqp://b:secret@two", "amqp://***@one,amqp://***@two"],
    ["amqp://user:p@ssecret@host/x", "amqp://***@host/x"],
    ["amqp://user:sec\0ret@host", "amqp://***@host"],
    ["see https://example.com/a?b=c@d", "see https://example.com/a?b=c@d"],
  ])("takes the credentials out of %s", (message, expected) => {
    expect(sanitizeFailureMessage(message)).toBe(expected);
  });

  it("leaves no part of a credential that is cut in two by the size limit", () => {
    for (let padding = 3_950; padding <= 4_010; padding += 1) {
      const message = `${"\0".repeat(padding)}amqp://user:secret@host`;
      expect(sanitizeFailureMessage(message)).not.toMatch(/us|sec/);
    }
  });

  it("takes no noticeable time for a message of many megabytes", () => {
    const hostile = ["a", "://", "://a", "\0", "://a@"].map((part) => part.repeat(16_000_000 / part.length));
    const startedAt = performance.now();
    for (const message of hostile) expect(bytesOf(sanitizeFailureMessage(message))).toBeLessThanOrEqual(2_000);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

describe("describeFailure", () => {
  it("takes code and message from an OmniBoxError", () => {
    expect(describeFailure(new OmniBoxError("BROKER.NACKED", "refused"))).toEqual({
      code: "BROKER.NACKED",
      message: "BROKER.NACKED: refused",
    });
  });

  it("takes the driver's own code from a foreign error, else its name", () => {
    expect(describeFailure(Object.assign(new Error("x"), { code: "ECONNREFUSED" })).code).toBe("ECONNREFUSED");
    expect(describeFailure(Object.assign(new Error("x"), { code: 404 })).code).toBe("Error");
    expect(describeFailure(new RangeError("x")).code).toBe("RangeError");
  });

  it("names the error when it has no message", () => {
    expect(describeFailure(new RangeError())).toEqual({ code: "RangeError", message: "RangeError" });
  });

  it("recognises an error from another realm", () => {
    expect(describeFailure(runInNewContext("new TypeError('from elsewhere')"))).toEqual({
      code: "TypeError",
      message: "from elsewhere",
    });
  });

  it.each([
    ["text", "text"],
    [null, "null was thrown instead of an Error"],
    [undefined, "undefined was thrown instead of an Error"],
    [42, "a number was thrown instead of an Error"],
    [{ secret: 1 }, "an object was thrown instead of an Error"],
    [Symbol("s"), "a symbol was thrown instead of an Error"],
  ])("describes a thrown %s without showing what is in it", (thrown, message) => {
    expect(describeFailure(thrown)).toEqual({ code: "UNKNOWN", message });
  });

  it("never throws, whatever was thrown", () => {
    const { proxy: revoked, revoke } = Proxy.revocable(new Error("x"), {});
    revoke();
    const explode = () => {
      throw new Error("getter");
    };
    const hostile: unknown[] = [
      revoked,
      Object.defineProperty(new Error("x"), "message", { get: explode }),
      Object.defineProperty(new Error("x"), "code", { get: explode }),
      Object.defineProperty(new Error(""), "name", { get: explode }),
      Object.assign(new Error("x"), { message: { not: "text" } }),
      Object.assign(new Error(""), { name: 7 }),
      Object.defineProperty(new OmniBoxError("STORE.TIMEOUT", "x"), "code", { get: explode }),
      new Proxy({}, { has: explode, get: explode, getPrototypeOf: explode }),
      Object.create(null),
    ];
    for (const thrown of hostile) {
      const { code, message } = describeFailure(thrown);
      expect(typeof code).toBe("string");
      expect(message).toMatch(/\S/);
    }
  });
});
