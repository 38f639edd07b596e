import { expect } from "vitest";
import type { Statement } from "../src/statement.js";
import type { TestDatabase } from "./open-test-database.js";

/** A statement, and the index that its rows have to be found by. */
export interface PlannedStatement {
  readonly statement: Statement;
  readonly index: string;
}

/** What PostgreSQL did for a statement: one node of its plan, and those below. */
export interface QueryPlan {
  readonly "Node Type": string;
  readonly "Index Name"?: string;
  readonly "Relation Name"?: string;
  readonly "Total Cost": number;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly "Actual Loops": number;
  readonly Plans?: readonly QueryPlan[];
}

/** Runs a statement, undoes it, and returns its plan. */
export async function planOf({ prisma }: TestDatabase, { sql, values }: Statement): Promise<QueryPlan> {
  let plan: QueryPlan | undefined;
  const undone = new Error("undone on purpose");
  await prisma
    .$transaction(async (tx) => {
      const [answer] = await tx.$queryRawUnsafe<{ "QUERY PLAN": { Plan: QueryPlan }[] }[]>(
        `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, FORMAT JSON) ${sql}`,
        ...values,
      );
      plan = answer?.["QUERY PLAN"][0]?.Plan;
      throw undone;
    })
    .catch((error: unknown) => {
      if (error !== undone) throw error;
    });
  if (plan === undefined) throw new Error("the database returned no plan");
  return plan;
}

/** How many pages were looked at. */
export const pagesOf = (plan: QueryPlan) => plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];

/** The node and all below it. */
export const nodesOf = (plan: QueryPlan): QueryPlan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

/** The scans of a table that were carried out. */
export function scansOf(plan: QueryPlan, table: string): QueryPlan[] {
  return nodesOf(plan).filter(
    (node) => node["Actual Loops"] > 0 && /Scan/.test(node["Node Type"]) && node["Relation Name"] === table,
  );
}

/** Expects that the rows were found by the index, that the table was not read, and that the plan is not compiled. */
export function expectIndexed(plan: QueryPlan, table: string, index: string, name: string): void {
  expect(
    nodesOf(plan).flatMap((node) => (node["Actual Loops"] > 0 ? [node["Index Name"]] : [])),
    name,
  ).toContain(index);
  expect(
    scansOf(plan, table).filter((node) => node["Node Type"] === "Seq Scan"),
    name,
  ).toEqual([]);
  // PostgreSQL compiles plans that it thinks dearer than 100,000.
  expect(plan["Total Cost"], name).toBeLessThan(25_000);
}
