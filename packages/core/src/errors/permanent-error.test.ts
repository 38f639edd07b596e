import { expect, it } from "vitest";
import { outcome } from "../pipeline/outcome.js";
import { isOmniBoxError } from "./omni-box-error.js";
import { PermanentError } from "./permanent-error.js";

it("is a documented error that fails an event at once, with its words", () => {
  const cause = new Error("underneath");
  const error = new PermanentError("order 7 does not exist", { cause });
  expect(isOmniBoxError(error, "INBOX.HANDLER_FAILED")).toBe(true);
  expect(error).toMatchObject({ message: "INBOX.HANDLER_FAILED: order 7 does not exist", retryable: false, cause });
  expect(outcome.ofError(error)).toEqual({
    kind: "failed",
    failure: { code: "INBOX.HANDLER_FAILED", message: "INBOX.HANDLER_FAILED: order 7 does not exist" },
  });
});

it("can be told from other errors by its class", () => {
  expect(new PermanentError("x")).toBeInstanceOf(PermanentError);
  expect(new PermanentError("x")).not.toHaveProperty("cause");
});
