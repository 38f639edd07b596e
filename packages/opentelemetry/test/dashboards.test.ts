import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createDeadLetterMetrics,
  createInboxMetrics,
  createMaintenanceMetrics,
  createRelayMetrics,
  metricDefinitions,
  observeBreaker,
  observeStore,
  observeWorker,
} from "../src/index.js";
import { type CollectedMetrics, collectMetrics, prometheusNamesOf, type Sample } from "./collect-metrics.js";

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const dashboard = JSON.parse(read("grafana/omni-box.json")) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string }[] };
};
const rules = read("prometheus/omni-box.rules.yaml");
const alerts = [...rules.matchAll(/- alert: (\w+)\n\s+expr: (.+)\n/g)].map(([, name = "", expr = ""]) => ({
  name,
  expr,
}));
const charts = dashboard.panels.filter(({ type }) => type !== "row");

let metrics: CollectedMetrics;
/** Labels of each name, as the Prometheus exporter spells both. */
const exported = new Map<string, Set<string>>();

beforeAll(async () => {
  metrics = collectMetrics();
  for (const sample of await oneOfEach(metrics)) {
    const labels = exported.get(sample.name) ?? new Set<string>();
    for (const label of Object.keys(sample.labels)) labels.add(label);
    exported.set(sample.name, labels);
  }
});

afterAll(() => metrics.close());

/** Makes every metric have a value. */
async function oneOfEach({ meter, samples }: CollectedMetrics): Promise<readonly Sample[]> {
  const relay = createRelayMetrics({ meter });
  const inbox = createInboxMetrics({ meter, consumerGroup: "shipping" });
  createDeadLetterMetrics({ store: "outbox", meter });
  createMaintenanceMetrics({ meter });
  for (const name of ["batchSize", "claimDurationMs", "publishDurationMs", "commitDurationMs", "lagMs"] as const)
    relay.record(name, 1);
  for (const name of ["batchSize", "handlerDurationMs"] as const) inbox.consumer.record(name, 1, "order.placed");
  for (const name of ["batchSize", "claimDurationMs", "handlerDurationMs", "commitDurationMs", "lagMs"] as const)
    inbox.processor.record(name, 1, "order.placed");
  const numbers = { pending: 1, failed: 1, completed: 1, awaitingDeadLetter: 0, countLimit: 10, oldestPendingMs: 1 };
  const statistics = async () => ({ ...numbers, blockedKeys: 1, expiredLeases: 0, owners: [], unownedBuckets: 0 });
  observeStore({ administration: { statistics }, store: "inbox", consumerGroup: "shipping", meter });
  observeWorker({
    worker: { health: () => ({ status: "healthy", blockedKeys: 0, ownedBuckets: 64 }) },
    name: "relay",
    meter,
  });
  observeBreaker({ breaker: { snapshot: () => [{ state: "closed" }] }, name: "broker", meter });
  return samples();
}

/** The metrics of a query, each with the labels that are asked of it: those in its own braces, and those that all is grouped by. */
function queried(expr: string): readonly { readonly name: string; readonly labels: readonly string[] }[] {
  const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, labels = ""]) => labels.split(/, */));
  const ungrouped = expr.replaceAll(/by \([^)]*\)/g, "");
  return [...ungrouped.matchAll(/([a-z_]\w+)(?:\{([^}]*)\})?(?![\w(])/g)]
    .filter(([, name = ""]) => name.startsWith("omni_box_"))
    .map(([, name = "", matchers = ""]) => {
      const matched = [...matchers.matchAll(/(\w+)(?:=~|!=|=)/g)].map(([, label = ""]) => label);
      return { name, labels: [...grouped, ...matched] };
    });
}

/** What Prometheus adds to every series. */
const targetLabels = new Set(["job", "instance", "le"]);

function assertExported(expr: string): void {
  const found = queried(expr);
  expect(found.length, expr).toBeGreaterThan(0);
  for (const { name, labels } of found) {
    const known = exported.get(name);
    expect(known, `${name} in ${expr}`).toBeDefined();
    for (const label of labels)
      if (!targetLabels.has(label)) expect([...(known ?? [])], `${label} of ${name}`).toContain(label);
  }
}

describe("the metrics", () => {
  it("are exported under the names, and with the labels, that their definitions have", () => {
    const expected = metricDefinitions.flatMap((definition) =>
      prometheusNamesOf(definition).map((name) => {
        const labels = definition.labels.map((label) => label.replaceAll(".", "_"));
        return `${name} ${[...labels, ...(name.endsWith("_bucket") ? ["le"] : [])].sort().join()}`;
      }),
    );
    const found = [...exported].map(([name, labels]) => `${name} ${[...labels].sort().join()}`);
    expect(found.sort()).toEqual(expected.sort());
  });
});

describe("the Grafana dashboard", () => {
  it("asks only for metrics and labels that are exported", () => {
    for (const { targets = [] } of charts) for (const { expr } of targets) assertExported(expr);
  });

  it("names in its legends only labels that its queries keep", () => {
    for (const { targets = [] } of charts) {
      for (const { expr, legendFormat } of targets) {
        const labels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
        const kept = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, names = ""]) => names.split(/, */));
        if (kept.length > 0) expect(kept, expr).toEqual(expect.arrayContaining(labels));
      }
    }
  });

  it("has a plain title and a sentence for every panel, and for no two the same", () => {
    const titles = charts.map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
    for (const { title, description = "" } of charts) {
      expect(title).toMatch(/^[A-Z][A-Za-z ]+\??$/);
      expect(description, title).toMatch(/\.$/);
    }
  });

  it("shows how much there is, how old, how fast, what fails, and who works", () => {
    const shown = new Set(
      charts.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => queried(expr).map(({ name }) => name))),
    );
    for (const name of [
      "omni_box_store_pending",
      "omni_box_store_oldest_pending_age",
      "omni_box_store_failed",
      "omni_box_store_blocked_keys",
      "omni_box_relay_published_total",
      "omni_box_relay_retried_total",
      "omni_box_relay_deferred_total",
      "omni_box_relay_failed_total",
      "omni_box_relay_lag_bucket",
      "omni_box_relay_leases_lost_total",
      "omni_box_consumer_duplicates_total",
      "omni_box_consumer_handler_duration_bucket",
      "omni_box_dead_letters_published_total",
      "omni_box_dead_letters_failed_total",
      "omni_box_maintenance_failed_runs_total",
      "omni_box_worker_owned_buckets",
      "omni_box_breaker_circuits",
    ])
      expect([...shown]).toContain(name);
  });
});

describe("the alert rules", () => {
  it("ask only for metrics and labels that are exported", () => {
    expect(alerts).toHaveLength(rules.split("- alert:").length - 1);
    for (const { expr } of alerts) assertExported(expr);
  });

  it("say what is wrong in labels that their queries keep", () => {
    for (const [, expr = "", rest = ""] of rules.matchAll(/expr: (.+)\n([\s\S]*?)(?=- alert:|$)/g)) {
      const labels = [...rest.matchAll(/\$labels\.(\w+)/g)].map(([, label = ""]) => label);
      const kept = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, names = ""]) => names.split(/, */));
      if (kept.length > 0) expect(kept, expr).toEqual(expect.arrayContaining(labels));
    }
  });
});
