import { describe, expect, it } from "vitest";
import { kindOfError } from "./kind-of-error.js";
import { OmniBoxError } from "./omni-box-error.js";

describe("kindOfError", () => {
  it.each([
    [new TypeError("secret"), "a TypeError"],
    [new Error("secret"), "an Error"],
    [new OmniBoxError("STORE.TIMEOUT", "secret"), "an OmniBoxError"],
    [Object.assign(new Error("x"), { name: "secret 4111" }), "an error"],
    [Object.assign(new Error("x"), { name: { secret: 1 } }), "an error"],
    ["secret", "something that is no Error"],
    [undefined, "something that is no Error"],
    [{ name: "Secret" }, "something that is no Error"],
  ])("names %s by its class and not by its words", (thrown, expected) => {
    expect(kindOfError(thrown)).toBe(expected);
  });

  it("never throws", () => {
    const { proxy, revoke } = Proxy.revocable(new Error("x"), {});
    revoke();
    expect(kindOfError(proxy)).toBe("something that cannot be read");
  });
});
