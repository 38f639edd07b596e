import type { AmqpConnectionLike } from "./amqp-connection-like.js";

const headerFrameType = 2;
const basicClass = 60;
const frameHeaderBytes = 7;
/** Class, weight and body size, before the flags that say which properties follow. */
const flagsOffset = 12;

/** The properties in the order in which a header frame carries them, from its highest flag down (AMQP 0-9-1, section 4.2.6.1). */
const properties = [
  ["contentType", "text"],
  ["contentEncoding", "text"],
  ["headers", "table"],
  ["deliveryMode", "octet"],
  ["priority", "octet"],
  ["correlationId", "text"],
  ["replyTo", "text"],
  ["expiration", "text"],
  ["messageId", "text"],
  ["timestamp", "time"],
  ["type", "text"],
  ["userId", "text"],
  ["appId", "text"],
  ["clusterId", "text"],
] as const;

/**
 * Keeps a message whose headers amqplib cannot decode from ending the connection: it arrives without headers.
 *
 * amqplib decodes nested tables and lists by recursion. RabbitMQ takes a message with ten thousand levels of them, and amqplib
 * ends the connection over it with a RangeError; redelivered, it would do so again, for ever. Does nothing when
 * amqplib's connection is not built as expected.
 */
export function tolerateHeaders(connection: AmqpConnectionLike): void {
  const wire = connection.connection;
  const receive: unknown = Reflect.get(wire, "recvFrame");
  if (typeof receive !== "function") return;
  Reflect.set(wire, "recvFrame", () => {
    const received: unknown = Reflect.get(wire, "rest");
    try {
      return Reflect.apply(receive, wire, []);
    } catch (error) {
      // amqplib has taken the frame off its buffer before it decodes it, so it goes on with the next one.
      const wasTaken = Reflect.get(wire, "rest") !== received;
      const frame = wasTaken && Buffer.isBuffer(received) ? headerFrameWithoutHeaders(received) : null;
      if (frame === null) throw error;
      return frame;
    }
  });
}

/** The header frame at the beginning of the bytes as amqplib would decode it, without its headers; `null` for any other frame. */
export function headerFrameWithoutHeaders(bytes: Buffer): object | null {
  if (bytes.length < frameHeaderBytes || bytes[0] !== headerFrameType) return null;
  const payload = bytes.subarray(frameHeaderBytes, frameHeaderBytes + bytes.readUInt32BE(3));
  try {
    if (payload.readUInt16BE(0) !== basicClass) return null;
    const size = Number(payload.readBigUInt64BE(4));
    return { id: basicClass, channel: bytes.readUInt16BE(1), size, fields: readProperties(payload) };
  } catch {
    // The frame itself is broken, not only its headers.
    return null;
  }
}

function readProperties(payload: Buffer): Record<string, unknown> {
  const flags = payload.readUInt16BE(flagsOffset);
  const fields: Record<string, unknown> = {};
  let offset = flagsOffset + 2;
  for (const [index, [name, kind]] of properties.entries()) {
    if ((flags & (0x8000 >> index)) === 0) continue;
    if (kind === "table") {
      offset += 4 + payload.readUInt32BE(offset);
    } else if (kind === "text") {
      const end = offset + 1 + payload.readUInt8(offset);
      fields[name] = payload.toString("utf8", offset + 1, end);
      offset = end;
    } else {
      fields[name] = kind === "octet" ? payload.readUInt8(offset) : Number(payload.readBigUInt64BE(offset));
      offset += kind === "octet" ? 1 : 8;
    }
  }
  return fields;
}
