import { afterEach, expect, it, vi } from "vitest";
import { consoleLogger } from "./logger.js";

afterEach(() => vi.restoreAllMocks());

const fields = {
  workerId: "shop-7f9c/1",
  seq: 9_223_372_036_854_775_807n,
  partitionKey: `customer\n${"7".repeat(100)}`,
  error: { code: "BROKER.UNROUTABLE", message: "no queue is bound for it\nthe broker returned it" },
};

it.each(["warn", "error"] as const)("says %s as one line, however much there is to say", (level) => {
  const written: string[] = [];
  vi.spyOn(console, level).mockImplementation((...words: unknown[]) => void written.push(words.join(" ")));
  consoleLogger[level](fields, "events have failed");
  expect(written).toHaveLength(1);
  expect(written[0]).toMatch(/^omni-box (?:warning|error): events have failed \{ workerId: 'shop-7f9c\/1', [^\n]+ \}$/);
  expect(written[0]).toContain(
    "code: 'BROKER.UNROUTABLE', message: 'no queue is bound for it\\nthe broker returned it'",
  );
});
