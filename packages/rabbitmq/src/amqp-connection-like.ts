/** A listener of any event. */
export type AmqpListener = (...args: unknown[]) => void;

/** What all the AMQP objects that we are given have: events. */
export interface AmqpEmitterLike {
  on(event: string, listener: AmqpListener): unknown;
  prependListener(event: string, listener: AmqpListener): unknown;
  removeListener(event: string, listener: AmqpListener): unknown;
}

/** The properties that we set on a message. The headers are to be read before `publish` returns: the next message has the same object. */
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
  /** Those that are `undefined` are none. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** A message as amqplib hands it over. Only what the broker itself says is certain to be there. */
export interface AmqpDelivery {
  readonly fields: { readonly deliveryTag: number; readonly redelivered: boolean; readonly routingKey: string };
  readonly properties: {
    readonly messageId?: unknown;
    readonly type?: unknown;
    readonly contentType?: unknown;
    readonly contentEncoding?: unknown;
    readonly correlationId?: unknown;
    readonly timestamp?: unknown;
    readonly headers?: unknown;
  };
  readonly content: Buffer;
}

/** What amqplib needs of a message to settle it. */
export interface AmqpDelivered {
  readonly fields: { readonly deliveryTag: number };
}

/** The subset of amqplib's `Channel` that declares and checks exchanges and queues, and consumes. */
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
  bindExchange(destination: string, source: string, pattern: string, args?: Record<string, unknown>): Promise<unknown>;
  prefetch(count: number): Promise<unknown>;
  /** The listener is given `null` when the broker ends the subscription. */
  consume(
    queue: string,
    listener: (message: AmqpDelivery | null) => void,
    options: { consumerTag: string; arguments?: Record<string, unknown> },
  ): Promise<unknown>;
  cancel(consumerTag: string): Promise<unknown>;
  ack(message: AmqpDelivered, allUpTo: boolean): void;
  nack(message: AmqpDelivered, allUpTo: boolean, requeue: boolean): void;
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
   * A connection made with amqplib's `recovery` option has none and is refused: recovery is done here.
   */
  readonly connection: object;
}
