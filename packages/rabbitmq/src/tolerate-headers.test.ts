import { describe, expect, it } from "vitest";
import { headerFrameWithoutHeaders } from "./tolerate-headers.js";

/** A header frame with these flags and property bytes, on channel 3, for a body of 7 bytes. */
function headerFrame(flags: number, ...properties: readonly Buffer[]): Buffer {
  const fixed = Buffer.alloc(14);
  fixed.writeUInt16BE(60, 0);
  fixed.writeBigUInt64BE(7n, 4);
  fixed.writeUInt16BE(flags, 12);
  const payload = Buffer.concat([fixed, ...properties]);
  const head = Buffer.alloc(7);
  head[0] = 2;
  head.writeUInt16BE(3, 1);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([206])]);
}

const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
const time = Buffer.from([0, 0, 0, 0, 0, 0, 1, 0]);
const table = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);

describe("a header frame", () => {
  it("is read with all properties but its headers, whatever these hold", () => {
    const frame = headerFrame(
      0xffff - 3,
      text("application/json"),
      text("gzip"),
      table(Buffer.from("no table at all")),
      Buffer.from([2]),
      Buffer.from([5]),
      ...["c", "r", "e", "id"].map(text),
      time,
      ...["order.placed", "guest", "app", "cluster"].map(text),
    );

    expect(headerFrameWithoutHeaders(frame)).toEqual({
      id: 60,
      channel: 3,
      size: 7,
      fields: {
        contentType: "application/json",
        contentEncoding: "gzip",
        deliveryMode: 2,
        priority: 5,
        correlationId: "c",
        replyTo: "r",
        expiration: "e",
        messageId: "id",
        timestamp: 256,
        type: "order.placed",
        userId: "guest",
        appId: "app",
        clusterId: "cluster",
      },
    });
  });

  it("that is broken itself is left to amqplib", () => {
    expect(headerFrameWithoutHeaders(headerFrame(0x0080))).toBeNull();
    expect(headerFrameWithoutHeaders(Buffer.from([2, 0, 0]))).toBeNull();
    expect(headerFrameWithoutHeaders(Buffer.from([1, 0, 1, 0, 0, 0, 0, 206]))).toBeNull();
  });
});
