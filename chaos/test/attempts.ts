import type { Database } from "../src/open-database.js";

/** What the outbox table holds, in the end: events by status, and the attempts spent on all of them. */
export async function tallyEvents({
  client,
}: Database): Promise<{ status: string; events: number; attempts: number }[]> {
  const groups = await client.outboxEvent.groupBy({
    by: ["status"],
    _count: true,
    _sum: { attemptsMade: true },
  });
  return groups.map(({ status, _count, _sum }) => ({ status, events: _count, attempts: _sum.attemptsMade ?? 0 }));
}
