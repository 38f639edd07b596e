import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import { type AckHandle, OmniBoxError } from "@omni-box/core";
import { type ConsumerMutant, consumerAs } from "./consumer-mutant.js";

/** Faults of starting, pausing, stopping, recovering and health. */
export const lifecycleMutants: readonly ConsumerMutant[] = [
  {
    fault: "starting it again is an error",
    killedBy: "consumer.lifecycle.idempotent",
    wrap: consumerAs((base) => {
      let started = false;
      return {
        ...base,
        async start(listener) {
          if (started) throw new Error("already started");
          started = true;
          await base.start(listener);
        },
      };
    }),
  },
  {
    fault: "a second start delivers everything a second time",
    killedBy: "consumer.lifecycle.idempotent",
    wrap: consumerAs((base) => {
      let starts = 0;
      return {
        ...base,
        start(listener) {
          starts += 1;
          return base.start((message, handle) => {
            for (let copy = 0; copy < starts; copy += 1) listener(message, handle);
          });
        },
      };
    }),
  },
  {
    fault: "it takes messages before it is started",
    killedBy: "consumer.lifecycle.not-started",
    wrap: consumerAs((base) => {
      void base.start(() => undefined);
      return base;
    }),
  },
  {
    fault: "it cannot be started again",
    killedBy: "consumer.lifecycle.restart",
    wrap: consumerAs((base) => {
      let stopped = false;
      return {
        ...base,
        start: async (listener) => (stopped ? undefined : base.start(listener)),
        stop(options) {
          stopped = true;
          return base.stop(options);
        },
      };
    }),
  },
  {
    fault: "stop does not wait for what is in hand",
    killedBy: "consumer.lifecycle.stop-waits",
    wrap: consumerAs((base) => ({ ...base, stop: () => base.stop({ timeoutMs: 0 }) })),
  },
  {
    fault: "stop waits much longer than its time-out",
    killedBy: "consumer.lifecycle.stop-time-out",
    wrap: consumerAs((base) => ({
      ...base,
      async stop({ timeoutMs }) {
        await base.stop({ timeoutMs: timeoutMs + 5_000 });
      },
    })),
  },
  {
    fault: "stop goes on taking messages while it waits",
    killedBy: "consumer.lifecycle.stop-takes-nothing",
    wrap: consumerAs((base) => ({
      ...base,
      async stop({ timeoutMs }) {
        const deadlineMs = performance.now() + timeoutMs;
        while (base.health().unsettled > 0 && performance.now() < deadlineMs) await pause(10);
        await base.stop({ timeoutMs: 0 });
      },
    })),
  },
  {
    fault: "stop acks what is in hand",
    killedBy: "consumer.lifecycle.stop-time-out",
    wrap: consumerAs((base) => {
      const handles: AckHandle[] = [];
      return {
        ...base,
        start: (listener) =>
          base.start((message, handle) => {
            handles.push(handle);
            listener(message, handle);
          }),
        async stop(options) {
          for (const handle of handles) handle.ack();
          await base.stop(options);
        },
      };
    }),
  },
  {
    fault: "acks are collected, and stop forgets the last of them",
    killedBy: "consumer.lifecycle.stop-tells-broker",
    wrap: consumerAs((base) => {
      let stopped = false;
      return {
        ...base,
        start: (listener) =>
          base.start((message, handle) => {
            const ack = () => void pause(20).then(() => stopped || handle.ack());
            listener(message, { ...handle, ack });
          }),
        stop() {
          stopped = true;
          return base.stop({ timeoutMs: 0 });
        },
      };
    }),
  },
  {
    fault: "pause does nothing",
    killedBy: "consumer.lifecycle.pause",
    wrap: consumerAs((base) => ({ ...base, pause: async () => undefined })),
  },
  {
    fault: "pause resolves before the subscription has ended",
    killedBy: "consumer.lifecycle.pause-while-busy",
    wrap: consumerAs((base) => ({
      ...base,
      async pause() {
        void nextTurn().then(base.pause);
      },
    })),
  },
  {
    fault: "pause gives back what is in hand",
    killedBy: "consumer.lifecycle.pause",
    wrap: consumerAs((base) => ({ ...base, pause: () => base.stop({ timeoutMs: 0 }) })),
  },
  {
    fault: "a pause during an outage is forgotten",
    killedBy: "consumer.outages.pause-while-away",
    wrap: consumerAs((base) => ({
      ...base,
      pause: async () => (base.health().status === "healthy" ? base.pause() : undefined),
    })),
  },
  {
    fault: "a stop during an outage is forgotten",
    killedBy: "consumer.outages.stop-while-away",
    wrap: consumerAs((base) => ({
      ...base,
      stop: async (options) => (base.health().status === "healthy" ? base.stop(options) : undefined),
    })),
  },
  {
    fault: "it does not recover from a lost channel",
    killedBy: "consumer.outages.handles-lost",
    wrap: consumerAs((base) => ({
      ...base,
      start: (listener) =>
        base.start((message, handle) => {
          handle.lost.addEventListener("abort", () => void base.stop({ timeoutMs: 0 }));
          listener(message, handle);
        }),
    })),
  },
  {
    fault: "it recovers once and not again",
    killedBy: "consumer.outages.recovers",
    wrap: consumerAs((base) => {
      const channels = new Set<AbortSignal>();
      return {
        ...base,
        start: (listener) =>
          base.start((message, handle) => {
            channels.add(handle.lost);
            if (channels.size < 3) listener(message, handle);
          }),
      };
    }),
  },
  {
    fault: "start fails while the broker is away",
    killedBy: "consumer.outages.start-while-away",
    wrap: consumerAs((base) => ({
      ...base,
      async start(listener) {
        await base.start(listener);
        if (base.health().status !== "healthy") throw new OmniBoxError("BROKER.UNREACHABLE", "no broker");
      },
    })),
  },
  {
    fault: "it always says that it is healthy",
    killedBy: "consumer.outages.recovers",
    wrap: consumerAs((base) => ({ ...base, health: () => ({ ...base.health(), status: "healthy", reasons: [] }) })),
  },
  {
    fault: "it gives no reasons for its health",
    killedBy: "consumer.lifecycle.not-started",
    wrap: consumerAs((base) => ({ ...base, health: () => ({ ...base.health(), reasons: [] }) })),
  },
  {
    fault: "it does not count what is in hand",
    killedBy: "consumer.lifecycle.health",
    wrap: consumerAs((base) => ({ ...base, health: () => ({ ...base.health(), unsettled: 0 }) })),
  },
];
