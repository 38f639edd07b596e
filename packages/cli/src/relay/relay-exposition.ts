import type { OutboxRelay } from "@omni-box/core";

/** The part of a relay that is shown. */
export type ShownRelay = Pick<OutboxRelay, "health" | "metrics">;

const statuses = ["healthy", "degraded", "unhealthy"] as const;

/**
 * The relay's counters and health in Prometheus's text format, version 0.0.4, by the names that `@omni-box/opentelemetry` gives them.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function exposeRelay(relay: ShownRelay): string {
  const { status, blockedKeys } = relay.health();
  const counters = Object.entries(relay.metrics()).map(([name, value]) => {
    const metric = `omni_box_relay_${snakeCase(name)}_total`;
    return metricText(metric, "counter", `The relay's counter ${name}, since its start.`, [["", value]]);
  });
  return [
    ...counters,
    metricText(
      "omni_box_worker_status",
      "gauge",
      "1 for the status that the relay's health has, 0 for the others.",
      statuses.map((one) => [`{omni_box_worker="relay",omni_box_status="${one}"}`, one === status ? 1 : 0]),
    ),
    ...(blockedKeys === undefined
      ? []
      : [
          metricText(
            "omni_box_worker_blocked_keys",
            "gauge",
            "Keys of its buckets that stand still behind a failed event.",
            [[`{omni_box_worker="relay"}`, blockedKeys]],
          ),
        ]),
  ].join("");
}

function metricText(name: string, type: string, help: string, samples: readonly (readonly [string, number])[]): string {
  const lines = samples.map(([labels, value]) => `${name}${labels} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
