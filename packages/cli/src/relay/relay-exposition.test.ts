import { readFile } from "node:fs/promises";
import { createOutboxRelay } from "@omni-box/core";
import { createMemoryBroker, createMemoryOutboxRepository } from "@omni-box/core/testing";
import { describe, expect, it } from "vitest";
import { exposeRelay } from "./relay-exposition.js";

const sample = /^[a-z_]+(\{[a-z_]+="[a-z]+"(,[a-z_]+="[a-z]+")*\})? \d+$/;

describe("exposeRelay", () => {
  it("has every counter from the beginning, and the status as one of three", () => {
    const relay = createOutboxRelay({
      repository: createMemoryOutboxRepository(),
      publisher: createMemoryBroker().publisher(),
    });
    const lines = exposeRelay(relay).trimEnd().split("\n");
    expect(lines).toContain("omni_box_relay_published_total 0");
    expect(lines).toContain("omni_box_relay_leases_lost_total 0");
    expect(lines).toContain('omni_box_worker_status{omni_box_worker="relay",omni_box_status="unhealthy"} 1');
    expect(lines).toContain('omni_box_worker_status{omni_box_worker="relay",omni_box_status="healthy"} 0');
    for (const line of lines) expect(line).toMatch(line.startsWith("#") ? /^# (HELP|TYPE) [a-z_]+ \S/ : sample);
  });

  it("declares each metric once, before its samples", () => {
    const text = exposeRelay({
      health: () => ({ status: "degraded", state: "running", reasons: [], blockedKeys: 3 }),
      metrics: createOutboxRelay({
        repository: createMemoryOutboxRepository(),
        publisher: createMemoryBroker().publisher(),
      }).metrics,
    });
    expect(text).toContain(
      '# TYPE omni_box_worker_blocked_keys gauge\nomni_box_worker_blocked_keys{omni_box_worker="relay"} 3\n',
    );
    const declared = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(new Set(declared).size).toBe(declared.length);
    expect(text.endsWith("\n")).toBe(true);
  });

  it("names everything as @omni-box/opentelemetry does, so that dashboards and alerts fit both", async () => {
    const page = await readFile(new URL("../../../../docs/observability.md", import.meta.url), "utf8");
    const documented = [...page.matchAll(/^\| `(omni_box\.[a-z_.]+)` +\| (counter|gauge) /gm)].map(
      ([, name = "", type]) => name.replaceAll(".", "_") + (type === "counter" ? "_total" : ""),
    );
    const text = exposeRelay({
      health: () => ({ status: "healthy", state: "running", reasons: [], blockedKeys: 0 }),
      metrics: createOutboxRelay({
        repository: createMemoryOutboxRepository(),
        publisher: createMemoryBroker().publisher(),
      }).metrics,
    });
    for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) expect(documented).toContain(name);
  });
});
