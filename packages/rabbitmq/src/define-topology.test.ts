import { describe, expect, it } from "vitest";
import { defineTopology } from "./define-topology.js";

describe("defining a topology", () => {
  it("fills in topic exchanges, quorum queues and bindings to everything", () => {
    const topology = defineTopology({
      exchanges: [{ name: "events" }],
      queues: [{ name: "shipping" }],
      bindings: [{ exchange: "events", queue: "shipping" }],
    });

    expect(topology).toEqual({
      exchanges: [{ name: "events", type: "topic" }],
      queues: [{ name: "shipping", type: "quorum" }],
      bindings: [{ exchange: "events", queue: "shipping", routingKey: "#" }],
      exchangeBindings: [],
    });
  });

  it("gives what it was given when it is done twice", () => {
    const once = defineTopology({ exchanges: [{ name: "events", type: "x-consistent-hash", arguments: { a: 1 } }] });

    expect(defineTopology(once)).toEqual(once);
  });

  it("refuses a delivery limit that would make the broker drop messages", () => {
    const define = () => defineTopology({ queues: [{ name: "shipping", deliveryLimit: 5 }] });

    expect(define).toThrow(/a deliveryLimit needs a deadLetterExchange/);
  });

  it("names all problems at once", () => {
    const define = () =>
      defineTopology({
        exchanges: [{ name: "" }, { name: "x".repeat(256) }],
        queues: [{ name: "shipping", type: "classic", deliveryLimit: 5, deadLetterExchange: "dead" }],
        bindings: [{ exchange: "events", queue: "shipping", key: "#" } as never],
      });

    expect(define).toThrow(
      expect.objectContaining({
        code: "CONFIG.INVALID_OPTIONS",
        meta: {
          factory: "defineTopology",
          problems: [
            expect.stringContaining("exchanges.0.name"),
            expect.stringContaining("exchanges.1.name"),
            "queues.0: only quorum queues have a deliveryLimit",
            'unknown option "bindings.0.key"',
          ],
        },
      }),
    );
  });

  it("refuses two queues of the same name", () => {
    expect(() => defineTopology({ queues: [{ name: "a" }, { name: "a" }] })).toThrow(/two queues have the same name/);
  });
});
