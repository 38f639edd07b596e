import { describe, expect, it } from "vitest";
import { classifyFailure } from "./classify-failure.js";
import { type ErrorCode, errorCodes } from "./error-codes.js";
import { isOmniBoxError, OmniBoxError } from "./omni-box-error.js";

const codes = Object.keys(errorCodes) as ErrorCode[];

describe("an OmniBoxError", () => {
  it("begins its message with its code", () => {
    expect(new OmniBoxError("STORE.TIMEOUT", "the database did not answer").message).toBe(
      "STORE.TIMEOUT: the database did not answer",
    );
  });

  it("is an Error with a name, a stack and its cause", () => {
    const cause = new Error("underneath");
    const error = new OmniBoxError("STORE.TIMEOUT", "x", { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("OmniBoxError");
    expect(error.cause).toBe(cause);
    expect("cause" in new OmniBoxError("STORE.TIMEOUT", "x")).toBe(false);
  });

  it("carries facts that cannot be changed afterwards", () => {
    const meta = { id: "1" };
    const error = new OmniBoxError("STORE.NOT_FOUND", "x", { meta });
    meta.id = "2";
    expect(error.meta).toEqual({ id: "1" });
    expect(Object.isFrozen(error.meta)).toBe(true);
  });

  it.each(codes)("says of %s whether trying again can help", (code) => {
    const error = new OmniBoxError(code, "x");
    expect(error.failureClass).toBe(errorCodes[code]);
    expect(error.retryable).toBe(errorCodes[code] !== "permanent");
  });
});

describe("isOmniBoxError", () => {
  it("recognises an error made by another copy of the package", () => {
    const foreign = Object.assign(new Error("x"), { code: "STORE.TIMEOUT" });
    expect(isOmniBoxError(foreign)).toBe(false);
    Object.defineProperty(foreign, Symbol.for("omni-box.error"), { value: true });
    expect(isOmniBoxError(foreign, "STORE.TIMEOUT")).toBe(true);
  });

  it("tells codes apart", () => {
    const error = new OmniBoxError("STORE.TIMEOUT", "x");
    expect(isOmniBoxError(error)).toBe(true);
    expect(isOmniBoxError(error, "STORE.TIMEOUT")).toBe(true);
    expect(isOmniBoxError(error, "STORE.CONFLICT")).toBe(false);
  });

  it.each([null, undefined, "STORE.TIMEOUT", 1, {}, () => undefined])("says no to %s", (value) => {
    expect(isOmniBoxError(value)).toBe(false);
  });

  it("says no to an object that refuses to be looked at", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(isOmniBoxError(proxy)).toBe(false);
  });
});

describe("classifyFailure", () => {
  it.each(codes)("answers with the class of the code %s", (code) => {
    expect(classifyFailure(new OmniBoxError(code, "x"))).toBe(errorCodes[code]);
  });

  it.each([new Error("x"), new TypeError("x"), "text", undefined])(
    "counts %s, of unknown origin, as an attempt",
    (thrown) => {
      expect(classifyFailure(thrown)).toBe("retryable");
    },
  );
});
