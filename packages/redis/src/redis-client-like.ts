/** What every ioredis client has that we wait on. */
export interface RedisConnectionLike {
  /** `ready` when commands can be sent; `wait` when it has not been asked to connect yet. */
  readonly status: string;
  connect(): Promise<void>;
  on(event: "ready" | "close" | "end", listener: () => void): unknown;
  off(event: "ready" | "close" | "end", listener: () => void): unknown;
}

/** The part of an ioredis client that a lock calls. The application makes it, closes it, and listens to its errors. */
export interface RedisClientLike extends RedisConnectionLike {
  /** Looked at once, to warn of those that make a lock slow to notice what it has to know soon. */
  readonly options?: object;
  eval(script: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>;
}

/** The part of an ioredis client that a sender of wake-ups calls. */
export interface RedisPublisherLike {
  publish(channel: string, message: string): Promise<unknown>;
}

/** The part of an ioredis client that hears wake-ups. It is used for nothing else, and disconnected at the end. */
export interface RedisSubscriberLike extends RedisConnectionLike {
  subscribe(channel: string): Promise<unknown>;
  ping(): Promise<unknown>;
  disconnect(): void;
  on(event: "ready" | "close" | "end", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
}
