import { OmniBoxError } from "@omni-box/core";
import { describe, expect, it } from "vitest";
import { CliFailure } from "./cli-failure.js";
import { describeFailureLine } from "./describe-failure-line.js";

describe("describeFailureLine", () => {
  it("says of an error of a library what to do about it, and its code once", () => {
    expect(describeFailureLine(new OmniBoxError("STORE.CONFLICT", "it collided"))).toEqual({
      code: "STORE.CONFLICT",
      message: "it collided. Run it again",
      exitCode: 1,
    });
  });

  it("makes one line of anything, without credentials", () => {
    const { message } = describeFailureLine(new Error("connect postgresql://app:s3cret@db/x\n    at somewhere"));
    expect(message).toBe("connect postgresql://***@db/x     at somewhere");
    expect(describeFailureLine(CliFailure.usage("amqp://a:s3cret@b is wrong"))).toMatchObject({
      message: "amqp://***@b is wrong",
      exitCode: 2,
    });
  });
});
