import type { AmqpConnectionLike } from "./amqp-connection-like.js";

interface Corkable {
  cork(): void;
  uncork(): void;
}

/**
 * Lets what amqplib has to write in one turn leave in as few system calls as the socket's buffer allows, instead of one for
 * each message. That costs a fifth less here and in RabbitMQ, which otherwise reads message by message, and delays nothing:
 * the turn is the one in which amqplib would have written.
 *
 * Does nothing when amqplib's connection is not built as expected.
 */
export function writeTogether(connection: AmqpConnectionLike): void {
  const multiplexer: unknown = Reflect.get(connection.connection, "muxer");
  if (typeof multiplexer !== "object" || multiplexer === null) return;
  const write: unknown = Reflect.get(multiplexer, "_readIncoming");
  const socket: unknown = Reflect.get(multiplexer, "out");
  if (typeof write !== "function" || !isCorkable(socket)) return;
  Reflect.set(multiplexer, "_readIncoming", () => {
    socket.cork();
    try {
      Reflect.apply(write, multiplexer, []);
    } finally {
      socket.uncork();
    }
  });
}

function isCorkable(value: unknown): value is Corkable {
  if (typeof value !== "object" || value === null) return false;
  return typeof Reflect.get(value, "cork") === "function" && typeof Reflect.get(value, "uncork") === "function";
}
