import type { Meter } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";

/** One line of what Prometheus would scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The real SDK with the Prometheus exporter, whose answers are looked at. */
export interface CollectedMetrics {
  readonly meter: Meter;
  readonly exporter: PrometheusExporter;
  samples(): Promise<readonly Sample[]>;
  /** The value of the one series of this name that has these labels; `undefined` if there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): Promise<number | undefined>;
  close(): Promise<void>;
}

export function collectMetrics(): CollectedMetrics {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({ readers: [exporter] });
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);

  async function samples(): Promise<readonly Sample[]> {
    const { resourceMetrics, errors } = await exporter.collect();
    if (errors.length > 0) throw new Error(`the collection failed: ${errors.map(String).join(", ")}`);
    return samplesOf(serializer.serialize(resourceMetrics));
  }

  return {
    meter: provider.getMeter("test"),
    exporter,
    samples,
    async value(name, labels = {}) {
      const found = (await samples()).filter(
        (sample) =>
          sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      );
      if (found.length > 1) throw new Error(`${found.length} series are named ${name} and have these labels`);
      return found[0]?.value;
    },
    close: () => provider.shutdown(),
  };
}

/** Reads the text format of Prometheus. */
export function samplesOf(text: string): readonly Sample[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, name = "", given = "", value = ""] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === "") throw new Error(`not a line of Prometheus: ${line}`);
      const labels = [...given.matchAll(/([a-zA-Z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = "", text = ""]) => [
        label,
        text,
      ]);
      return { name, labels: Object.fromEntries(labels) as Record<string, string>, value: Number(value) };
    });
}

/** What the Prometheus exporter calls a metric; a histogram has three names. */
export function prometheusNamesOf({ name, kind }: { readonly name: string; readonly kind: string }): readonly string[] {
  const plain = name.replaceAll(".", "_");
  if (kind === "counter") return [`${plain}_total`];
  return kind === "histogram" ? [`${plain}_bucket`, `${plain}_count`, `${plain}_sum`] : [plain];
}
