import type { EventStatistics } from "@omni-box/core";
import { renderDuration } from "./age.js";
import { renderPairs, renderTable } from "./table.js";

/** What one store holds, and who works on it. */
export function renderStatistics(statistics: EventStatistics): string {
  const { countLimit, oldestPendingMs, owners, unownedBuckets } = statistics;
  const count = (value: number, among = value) => (among >= countLimit ? `${value} or more` : `${value}`);
  const owned = owners.reduce((sum, { buckets }) => sum + buckets.length, 0);
  const pairs = renderPairs([
    ["pending", count(statistics.pending)],
    ["oldest due since", oldestPendingMs === null ? "-" : renderDuration(oldestPendingMs)],
    ["failed", count(statistics.failed)],
    ["awaiting dead letter", count(statistics.awaitingDeadLetter)],
    ["completed", count(statistics.completed)],
    ["blocked keys", count(statistics.blockedKeys, statistics.failed)],
    ["expired leases", count(statistics.expiredLeases, statistics.pending)],
    ["buckets", `${owned} owned, ${unownedBuckets} without an owner`],
  ]);
  if (owners.length === 0) return pairs;
  const table = renderTable(
    ["WORKER", "BUCKETS", "LEASE"],
    owners.map(({ id, buckets, leaseRemainingMs }) => [
      id,
      renderBuckets(buckets),
      leaseRemainingMs > 0
        ? `${renderDuration(leaseRemainingMs)} left`
        : `ended ${renderDuration(-leaseRemainingMs)} ago`,
    ]),
  );
  return `${pairs}\n${table}`;
}

/** Numbers in a row as ranges: `0-31, 40`. */
export function renderBuckets(buckets: readonly number[]): string {
  const ranges: [from: number, to: number][] = [];
  for (const bucket of [...buckets].sort((one, other) => one - other)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === bucket - 1) last[1] = bucket;
    else ranges.push([bucket, bucket]);
  }
  return ranges.length === 0
    ? "none"
    : ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
}
