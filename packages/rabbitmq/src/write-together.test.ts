import { describe, expect, it } from "vitest";
import type { AmqpConnectionLike } from "./amqp-connection-like.js";
import { writeTogether } from "./write-together.js";

const connectionOf = (muxer: unknown) => ({ connection: { muxer } }) as unknown as AmqpConnectionLike;

describe("writing together", () => {
  it("uncorks the socket after each turn, also after one that failed", () => {
    const calls: string[] = [];
    const muxer = {
      out: { cork: () => calls.push("cork"), uncork: () => calls.push("uncork") },
      _readIncoming() {
        calls.push(this === muxer ? "write" : "write as somebody else");
        if (calls.length > 3) throw new Error("no room");
      },
    };
    writeTogether(connectionOf(muxer));

    muxer._readIncoming();
    expect(() => muxer._readIncoming()).toThrow("no room");

    expect(calls).toEqual(["cork", "write", "uncork", "cork", "write", "uncork"]);
  });

  it.each([undefined, null, {}, { out: {}, _readIncoming: () => undefined }, { out: { cork() {}, uncork() {} } }])(
    "leaves a connection alone that is built in another way: %o",
    (muxer) => {
      const before = { ...muxer };

      writeTogether(connectionOf(muxer));

      expect({ ...muxer }).toEqual(before);
    },
  );
});
