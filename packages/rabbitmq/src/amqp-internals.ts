import type { AmqpConnectionLike } from "./amqp-connection-like.js";

/** The socket under a connection, as far as we touch it. */
export interface AmqpStream {
  destroy(error?: Error): void;
  setNoDelay?(noDelay: boolean): void;
}

/** What amqplib's wire-level connection tells beyond its declared type; each part may be missing. */
export interface AmqpInternals {
  readonly stream: AmqpStream | undefined;
  /** The negotiated heartbeat in seconds; 0 means none. */
  readonly heartbeatSeconds: number | undefined;
  /** The negotiated size of a frame in bytes. */
  readonly frameMaxBytes: number | undefined;
  /** Whether the broker has already blocked the connection. */
  readonly blocked: boolean;
}

/** Reads amqplib's undeclared fields without trusting that they exist. */
export function amqpInternals(connection: AmqpConnectionLike): AmqpInternals {
  const wire = connection.connection;
  const stream: unknown = Reflect.get(wire, "stream");
  return {
    stream: isStream(stream) ? stream : undefined,
    heartbeatSeconds: numberField(wire, "heartbeat"),
    frameMaxBytes: numberField(wire, "frameMax"),
    blocked: Reflect.get(wire, "blocked") === true,
  };
}

function numberField(target: object, field: string): number | undefined {
  const value: unknown = Reflect.get(target, field);
  return typeof value === "number" ? value : undefined;
}

function isStream(value: unknown): value is AmqpStream {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "destroy") === "function";
}
