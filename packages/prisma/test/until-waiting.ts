import { expect } from "vitest";
import type { TestDatabase } from "./open-test-database.js";

/** Resolves when `count` statements on the test's tables wait for a lock. */
export async function untilWaiting(
  { prisma, schema }: Pick<TestDatabase, "prisma" | "schema">,
  count = 1,
): Promise<void> {
  await expect
    .poll(
      async () => {
        const [row] = await prisma.$queryRawUnsafe<{ waiting: bigint }[]>(
          "SELECT count(*) AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1",
          `%${schema}%`,
        );
        return row?.waiting;
      },
      { timeout: 20_000 },
    )
    .toBeGreaterThanOrEqual(BigInt(count));
}
