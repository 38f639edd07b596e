import { mapPrismaError } from "../map-prisma-error.js";
import type { ExaminedDatabase } from "./examined-database.js";
import { type DoctorFinding, findingsOf } from "./finding.js";

interface TransactionFacts {
  readonly xid: string;
  readonly isolation: string;
}

const readCommitted = "read committed";

/**
 * Looks at the client's interactive transactions: two statements of one have to be in the same one of the database. An extension that
 * wraps each statement in a transaction of its own breaks that without an error, and with it everything that is atomic.
 */
export async function checkTransactions(database: ExaminedDatabase): Promise<readonly DoctorFinding[]> {
  const { client, query, statementTimeoutMs } = database;
  const sql = "SELECT pg_current_xact_id()::text AS xid, current_setting('transaction_isolation') AS isolation";
  const [first, second] = await client
    .$transaction(
      async (tx) => {
        const [one] = await tx.$queryRawUnsafe<TransactionFacts[]>(sql);
        const [two] = await tx.$queryRawUnsafe<TransactionFacts[]>(sql);
        return [one, two] as const;
      },
      { maxWait: statementTimeoutMs, timeout: statementTimeoutMs },
    )
    .then(undefined, (error: unknown) => {
      throw mapPrismaError(error, "open a transaction");
    });
  const [alone] = await query<{ isolation: string }>("SELECT current_setting('transaction_isolation') AS isolation");
  return [oneTransaction(first?.xid, second?.xid), isolation(first?.isolation ?? "", alone?.isolation ?? "")];
}

function oneTransaction(first: string | undefined, second: string | undefined): DoctorFinding {
  const findings = findingsOf("transactions");
  if (first !== undefined && first === second)
    return findings.ok("the statements of a transaction are in one transaction");
  return findings.problem(
    "two statements of one transaction were in different transactions of the database: events are not atomic with your data",
    "a client extension that wraps each query in a transaction, as for row-level security, or a pooler in statement mode does this: give omni-box a " +
      "client without it, and set what it sets at the beginning of each transaction",
  );
}

function isolation(inTransaction: string, alone: string): DoctorFinding {
  const findings = findingsOf("isolation");
  const different = [...new Set([inTransaction, alone])].filter((level) => level !== readCommitted);
  if (different.length === 0) return findings.ok(readCommitted);
  return findings.warning(
    `transactions are ${different.join(" and ")} by default`,
    "omni-box is made for read committed: at higher levels its statements are refused over conflicts (40001) and repeated; set the level where you " +
      "need it, in the options of single transactions",
  );
}
