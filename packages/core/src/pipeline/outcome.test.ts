import { describe, expect, it } from "vitest";
import { type ErrorCode, errorCodes } from "../errors/error-codes.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { outcome } from "./outcome.js";

const kindOfClass = { transient: "defer", retryable: "retry", permanent: "failed" } as const;

describe("outcome.ofError", () => {
  it.each(Object.keys(errorCodes) as ErrorCode[])("answers %s by its failure class", (code) => {
    const expected = code === "BROKER.NOT_PERMITTED" ? "release" : kindOfClass[errorCodes[code]];
    expect(outcome.ofError(new OmniBoxError(code, "x")).kind).toBe(expected);
  });

  it.each([new Error("x"), "text", undefined])("retries after %s, which nobody knows", (thrown) => {
    expect(outcome.ofError(thrown)).toMatchObject({ kind: "retry", delayMs: null });
  });
});

describe("outcomes", () => {
  it("carry errors in the form in which they are stored", () => {
    const error = new Error(`amqp://user:secret@host\0 ${"x".repeat(5_000)}`);
    for (const made of [outcome.retry(error), outcome.defer(error), outcome.failed(error)]) {
      const { message } = (made as Extract<typeof made, { failure: unknown }>).failure;
      expect(message).toMatch(/^amqp:\/\/\*\*\*@host {1,2}xxx/);
      expect(Buffer.byteLength(message)).toBeLessThanOrEqual(2_000);
    }
  });

  it("say why an event was completed or released", () => {
    expect(outcome.completed()).toEqual({ kind: "completed", reason: null });
    expect(outcome.completed("stale")).toEqual({ kind: "completed", reason: "stale" });
    expect(outcome.release("stopping")).toEqual({ kind: "release", reason: "stopping" });
  });

  it("say after how long to retry, when the handler knows", () => {
    expect(outcome.retry("x", 500)).toEqual({
      kind: "retry",
      failure: { code: "UNKNOWN", message: "x" },
      delayMs: 500,
    });
  });
});
