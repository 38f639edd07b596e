/** A listener of any event. */
export type AmqpListener = (...args: unknown[]) => void;

/** What all the AMQP objects that we are given have: events. */
export interface AmqpEmitterLike {
  on(event: string, listener: AmqpListener): unknown;
  prependListener(event: string, listener: AmqpListener): unknown;
  removeListener(event: string, listener: AmqpListener): unknown;
}

/** The properties that we set on a message. */
export interface AmqpPublishOptions {
  readonly mandatory: true;
  readonly deliveryMode: 2;
  readonly messageId: string;
  readonly type: string;
  /** Seconds since the Unix epoch. */
  readonly timestamp: number;
  readonly contentType: string;
  readonly correlationId?: string;
  readonly appId?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The subset of amqplib's `Channel` that declares and checks exchanges and queues. */
export interface AmqpChannelLike extends AmqpEmitterLike {
  close(): Promise<void>;
  checkExchange(exchange: string): Promise<unknown>;
  checkQueue(queue: string): Promise<unknown>;
  assertExchange(
    exchange: string,
    type: string,
    options?: { durable?: boolean; alternateExchange?: string; arguments?: Record<string, unknown> },
  ): Promise<unknown>;
  assertQueue(queue: string, options?: { durable?: boolean; arguments?: Record<string, unknown> }): Promise<unknown>;
  bindQueue(queue: string, source: string, pattern: string, args?: Record<string, unknown>): Promise<unknown>;
}

/** The subset of amqplib's `ConfirmChannel` that publishes. */
export interface AmqpConfirmChannelLike extends AmqpEmitterLike {
  close(): Promise<void>;
  publish(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options: AmqpPublishOptions,
    callback: (error: unknown) => void,
  ): boolean;
}

/** The subset of amqplib's `ChannelModel`, the connection of its promise API, that we need. */
export interface AmqpConnectionLike extends AmqpEmitterLike {
  createChannel(): Promise<AmqpChannelLike>;
  createConfirmChannel(): Promise<AmqpConfirmChannelLike>;
  close(): Promise<void>;
  /**
   * The wire-level connection underneath; its socket, heartbeat and frame size are read from it when they are there.
   * A connection made with amqplib's `recovery` option has none and is refused: the publisher recovers by itself.
   */
  readonly connection: object;
}
