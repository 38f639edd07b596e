import type { ErrorCode } from "../errors/error-codes.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { CancelTimer, Clock } from "../protocols/clock.js";
import type { EventPublisher, OutgoingMessage, PublisherHealth, PublishOptions } from "../protocols/event-publisher.js";
import type { BrokerAnswer, LinkChange, MemoryBrokerLink } from "./memory-broker-link.js";

interface PendingPublish {
  readonly message: OutgoingMessage;
  readonly mayWrite: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  cancelTimer: CancelTimer;
  sent: boolean;
}

/** Creates a publisher over one link of the in-memory broker. */
export function createMemoryPublisher(link: MemoryBrokerLink, clock: Clock): EventPublisher {
  // In the order of the calls, which is the order of the writes.
  const pending = new Set<PendingPublish>();
  let phase: "idle" | "started" | "stopped" = "idle";
  let stopping: Promise<void> | null = null;
  let onDrained: () => void = () => undefined;

  link.onChange((change: LinkChange) => {
    if (change === "disconnected") rejectAll("BROKER.UNREACHABLE", "the connection to the broker is gone");
    else if (change === "unblocked") writeWaiting();
  });

  function settle(entry: PendingPublish, error: unknown): void {
    if (!pending.delete(entry)) return;
    entry.cancelTimer();
    if (error === null) entry.resolve();
    else entry.reject(error);
    if (pending.size === 0) onDrained();
  }

  /** Rejects everything: what was sent with CONNECTION_LOST, what still waits with `unsentCode`. */
  function rejectAll(unsentCode: ErrorCode, why: string): void {
    for (const entry of [...pending]) {
      settle(entry, failure(entry.sent ? "BROKER.CONNECTION_LOST" : unsentCode, entry.message, why));
    }
  }

  function writeWaiting(): void {
    for (const entry of [...pending]) {
      if (link.blocked || !link.connected) return;
      if (!entry.sent) write(entry);
    }
  }

  function write(entry: PendingPublish): void {
    const { message } = entry;
    if (!isPermitted(entry)) return;
    entry.sent = true;
    const taken = link.send(message, (answer) => settle(entry, errorOf(answer, message)));
    if (!taken) settle(entry, failure("BROKER.MESSAGE_REFUSED", message, "it is larger than the broker takes"));
  }

  function isPermitted(entry: PendingPublish): boolean {
    try {
      if (entry.mayWrite()) return true;
      settle(entry, failure("BROKER.NOT_PERMITTED", entry.message, "its worker may not write it any more"));
    } catch (error) {
      settle(entry, error);
    }
    return false;
  }

  function timeOut(entry: PendingPublish, timeoutMs: number): void {
    const [code, why]: [ErrorCode, string] = entry.sent
      ? ["BROKER.PUBLISH_TIMEOUT", `no confirm came within ${timeoutMs} ms`]
      : ["BROKER.BLOCKED", `the broker's flow control held it back for ${timeoutMs} ms`];
    settle(entry, failure(code, entry.message, why));
  }

  async function drain(timeoutMs: number): Promise<void> {
    if (pending.size > 0) {
      let cancelTimer: CancelTimer = () => undefined;
      await new Promise<void>((resolve) => {
        onDrained = resolve;
        cancelTimer = clock.schedule(timeoutMs, resolve);
      });
      cancelTimer();
    }
    rejectAll("BROKER.STOPPED", "the publisher was stopped");
  }

  return Object.freeze({
    capabilities: Object.freeze({ reportsUnroutable: true }),

    async start(): Promise<void> {
      await stopping;
      phase = "started";
    },

    publish(message: OutgoingMessage, { timeoutMs, mayWrite = () => true }: PublishOptions): Promise<void> {
      return new Promise((resolve, reject) => {
        if (phase !== "started") return reject(failure("BROKER.STOPPED", message, `the publisher is ${phase}`));
        if (!link.connected) return reject(failure("BROKER.UNREACHABLE", message, "there is no connection"));
        const entry: PendingPublish = { message, mayWrite, resolve, reject, sent: false, cancelTimer: () => undefined };
        entry.cancelTimer = clock.schedule(timeoutMs, () => timeOut(entry, timeoutMs));
        pending.add(entry);
        if (!link.blocked) write(entry);
      });
    },

    async stop({ timeoutMs }: { readonly timeoutMs: number }): Promise<void> {
      phase = "stopped";
      stopping ??= drain(timeoutMs).finally(() => {
        stopping = null;
      });
      await stopping;
    },

    health(): PublisherHealth {
      const unconfirmed = [...pending].filter(({ sent }) => sent).length;
      if (phase !== "started") return { status: "unhealthy", reasons: [`the publisher is ${phase}`], unconfirmed };
      if (!link.connected) return { status: "unhealthy", reasons: ["the broker cannot be reached"], unconfirmed };
      if (link.blocked) return { status: "degraded", reasons: ["the broker's flow control is on"], unconfirmed };
      return { status: "healthy", reasons: [], unconfirmed };
    },
  });
}

function errorOf(answer: BrokerAnswer, message: OutgoingMessage): OmniBoxError | null {
  if (answer === "nacked") return failure("BROKER.NACKED", message, "the broker refused it");
  if (answer === "unroutable") return failure("BROKER.UNROUTABLE", message, "no queue is bound to its topic");
  return null;
}

function failure(code: ErrorCode, { id, topic }: OutgoingMessage, why: string): OmniBoxError {
  return new OmniBoxError(code, `message ${id} for topic "${topic}" was not confirmed: ${why}`, {
    meta: { id, topic },
  });
}
