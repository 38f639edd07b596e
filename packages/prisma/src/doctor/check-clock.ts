import type { ExaminedDatabase } from "./examined-database.js";
import { type DoctorFinding, findingsOf } from "./finding.js";

/** Compares the clocks of this machine and of the database; the time of the round trip is left out of the difference. */
export async function checkClock(database: ExaminedDatabase): Promise<DoctorFinding> {
  const { query, clock, clockDifferenceMaxMs } = database;
  const findings = findingsOf("clock");
  const before = clock.now();
  const [row] = await query<{ now: number }>(
    "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::double precision AS now",
  );
  const after = clock.now();
  const databaseMs = row?.now ?? Number.NaN;
  const aheadMs = databaseMs > after ? databaseMs - after : databaseMs < before ? databaseMs - before : 0;
  const difference = `${Math.round(Math.abs(aheadMs))} ms`;
  if (Math.abs(aheadMs) <= clockDifferenceMaxMs) {
    return findings.ok(aheadMs === 0 ? "this machine and the database agree" : `they differ by ${difference}`);
  }
  return findings.warning(
    `the database's clock is ${difference} ${aheadMs > 0 ? "ahead of" : "behind"} this machine's`,
    "keep both right with NTP: times that this service writes, such as scheduledAt, and measured delays are off by as much. No guarantee depends on it",
  );
}
