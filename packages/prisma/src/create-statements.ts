import type { PrismaClientLike } from "./prisma-client-like.js";
import { createStatementRunner, type StatementOptions, type StatementRunnerOptions } from "./run-statement.js";
import type { Statement } from "./statement.js";

/** Auto-committed statements of one kind, which share the limits of a runner. */
export interface Statements {
  /** Runs one statement, bounded in time, its error mapped. */
  query<Row>(
    purpose: string,
    statement: Statement,
    options?: StatementOptions<readonly Row[]>,
  ): Promise<readonly Row[]>;
  /** Runs one that returns no rows, likewise. */
  execute(purpose: string, statement: Statement, options?: StatementOptions<unknown>): Promise<void>;
}

/** Makes them over a client. */
export function createStatements(client: PrismaClientLike, limits: StatementRunnerOptions): Statements {
  const { run } = createStatementRunner(limits);
  return {
    query: <Row>(purpose: string, { sql, values }: Statement, options?: StatementOptions<readonly Row[]>) =>
      run(purpose, () => client.$queryRawUnsafe<readonly Row[]>(sql, ...values), options),
    async execute(purpose: string, { sql, values }: Statement, options?: StatementOptions<unknown>) {
      await run(purpose, () => client.$executeRawUnsafe(sql, ...values), options);
    },
  };
}
