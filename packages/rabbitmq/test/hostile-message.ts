import { Socket } from "node:net";
import type { ConfirmChannel } from "amqplib";

/** The bytes of a table that holds a table that holds a table, and so on. */
export function nestedTable(levels: number): Buffer {
  const bytesPerLevel = 7;
  const table = Buffer.alloc(levels * bytesPerLevel);
  for (let offset = 0; offset < table.length; offset += bytesPerLevel) {
    table.write("\u0001aF", offset, "latin1");
    table.writeUInt32BE(table.length - offset - bytesPerLevel, offset + 3);
  }
  return table;
}

/** Publishes to a queue with header bytes that amqplib itself would not write; resolves when the broker has taken it. */
export function publishRaw(channel: ConfirmChannel, queue: string, messageId: string, headers: Buffer): Promise<void> {
  const id: unknown = Reflect.get(channel, "ch");
  const stream: unknown = Reflect.get(channel.connection, "stream");
  const confirm: unknown = Reflect.get(channel, "pushConfirmCallback");
  if (typeof id !== "number" || typeof confirm !== "function" || !(stream instanceof Socket)) {
    throw new Error("this amqplib is built in another way than the test expects");
  }
  const body = Buffer.from("{}");
  const frames = [
    frame(1, id, method(queue)),
    frame(2, id, properties(body.length, messageId, headers)),
    frame(3, id, body),
  ];
  stream.write(Buffer.concat(frames));
  return new Promise((resolve, reject) => {
    Reflect.apply(confirm, channel, [(error: unknown) => (error === null ? resolve() : reject(error))]);
  });
}

function frame(type: number, channel: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(7);
  head[0] = type;
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([206])]);
}

/** basic.publish to the default exchange. */
function method(routingKey: string): Buffer {
  return Buffer.concat([Buffer.from([0, 60, 0, 40, 0, 0, 0]), short(routingKey), Buffer.from([0])]);
}

function properties(bodySize: number, messageId: string, headers: Buffer): Buffer {
  const fixed = Buffer.alloc(18);
  fixed.writeUInt16BE(60, 0);
  fixed.writeBigUInt64BE(BigInt(bodySize), 4);
  // Headers and message id.
  fixed.writeUInt16BE(0x2080, 12);
  fixed.writeUInt32BE(headers.length, 14);
  return Buffer.concat([fixed, headers, short(messageId)]);
}

function short(text: string): Buffer {
  return Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)]);
}
