import { isOmniBoxError, OmniBoxError } from "@omni-box/core";
import { type PublisherMutant, publishAs } from "./publisher-mutant.js";

/** Faults of starting, stopping and health. */
export const lifecycleMutants: readonly PublisherMutant[] = [
  {
    fault: "it publishes without being started",
    killedBy: "publisher.lifecycle.not-started",
    wrap: (base) => ({
      ...base,
      async publish(message, options) {
        await base.start();
        await base.publish(message, options);
      },
    }),
  },
  {
    fault: "it goes on publishing after stop",
    killedBy: "publisher.lifecycle.stopped",
    wrap: (base) => ({ ...base, stop: async () => undefined }),
  },
  {
    fault: "starting it again is an error",
    killedBy: "publisher.lifecycle.idempotent",
    wrap: (base) => {
      let started = false;
      return {
        ...base,
        async start() {
          if (started) throw new Error("already started");
          started = true;
          await base.start();
        },
      };
    },
  },
  {
    fault: "stop gives up what it should wait for",
    killedBy: "publisher.lifecycle.stop-drains",
    wrap: (base) => {
      let stopping = false;
      return {
        ...base,
        async publish(message, options) {
          await base.publish(message, options);
          if (stopping) throw new OmniBoxError("BROKER.CONNECTION_LOST", "closed");
        },
        stop(options) {
          stopping = true;
          return base.stop(options);
        },
      };
    },
  },
  {
    fault: "stop waits for confirms without end",
    killedBy: "publisher.lifecycle.stop-time-out",
    wrap: (base) => ({ ...base, stop: () => base.stop({ timeoutMs: 60_000 }) }),
  },
  {
    fault: "start fails while the broker is away",
    killedBy: "publisher.outages.start-while-away",
    wrap: (base) => ({
      ...base,
      async start() {
        await base.start();
        if (base.health().status !== "healthy") throw new OmniBoxError("BROKER.UNREACHABLE", "no broker");
      },
    }),
  },
  {
    fault: "it stays broken after an outage",
    killedBy: "publisher.outages.reconnects",
    wrap: publishAs((publish) => {
      let broken = false;
      return async (message, options) => {
        if (broken) throw new Error("channel closed");
        await publish(message, options).catch((error: unknown) => {
          broken = isOmniBoxError(error, "BROKER.UNREACHABLE");
          throw error;
        });
      };
    }),
  },
  {
    fault: "it always says that it is healthy",
    killedBy: "publisher.lifecycle.stopped",
    wrap: (base) => ({ ...base, health: () => ({ ...base.health(), status: "healthy" as const, reasons: [] }) }),
  },
  {
    fault: "it does not count what is unconfirmed",
    killedBy: "publisher.lifecycle.unconfirmed",
    wrap: (base) => ({ ...base, health: () => ({ ...base.health(), unconfirmed: 0 }) }),
  },
  {
    fault: "it does not claim the capability that was declared",
    killedBy: "publisher.declarations.capabilities",
    wrap: (base) => ({ ...base, capabilities: { reportsUnroutable: false } }),
  },
];
