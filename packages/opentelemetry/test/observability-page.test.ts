import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { metricDefinitions } from "../src/index.js";
import { attributeNames } from "../src/messaging-attributes.js";

const page = readFileSync(new URL("../../../docs/observability.md", import.meta.url), "utf8");
const rules = readFileSync(new URL("../prometheus/omni-box.rules.yaml", import.meta.url), "utf8");

/** The cells of each row of the tables in a part of the page, without their padding. */
function rowsOf(part: string): readonly string[] {
  const lines = part.split("\n").filter((line) => line.startsWith("|"));
  return lines.map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim())
      .join(" | "),
  );
}

describe("the page about observability", () => {
  it("has every metric with its type, unit, labels and meaning, and no other", () => {
    const [, part = ""] = /<!-- metrics -->([\s\S]*)<!-- \/metrics -->/.exec(page) ?? [];
    const expected = metricDefinitions.map(({ name, kind, unit, labels, description }) => {
      const listed = labels.map((label) => `\`${label}\``).join(", ");
      return [`\`${name}\``, kind, `\`${unit}\``, listed === "" ? "–" : listed, description].join(" | ");
    });
    expect(rowsOf(part).slice(2)).toEqual(expected);
  });

  it("has every attribute of spans", () => {
    const [, part = ""] = /## Traces([\s\S]*)## Metrics/.exec(page) ?? [];
    for (const name of Object.values(attributeNames)) expect(part).toContain(`| \`${name}\``);
  });

  it("says of every alert what to do", () => {
    const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);
    const [, part = ""] = /## Alerts([\s\S]*)## When/.exec(page) ?? [];
    expect(
      rowsOf(part)
        .slice(2)
        .map((row) => row.split(" | ")[0]),
    ).toEqual(alerts.map((name) => `\`${name}\``));
  });
});
