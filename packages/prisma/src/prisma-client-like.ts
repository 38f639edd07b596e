/**
 * The part of a Prisma transaction client that omni-box calls. Every generated client's transaction has it, extended or not.
 *
 * `$connect` tells a transaction from the client itself, which has it.
 */
export interface PrismaTransactionLike {
  $queryRawUnsafe<Result = unknown>(sql: string, ...values: unknown[]): PromiseLike<Result>;
  $executeRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<number>;
  readonly $connect?: undefined;
}

/** The part of a generated Prisma client that omni-box calls outside transactions. */
export interface PrismaClientLike {
  $queryRawUnsafe<Result = unknown>(sql: string, ...values: unknown[]): PromiseLike<Result>;
  $executeRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<number>;
  $connect(): PromiseLike<void>;
}

/** The isolation levels that PostgreSQL has, under Prisma's names. */
export type PrismaIsolationLevel = "ReadUncommitted" | "ReadCommitted" | "RepeatableRead" | "Serializable";

/**
 * A client that can also open interactive transactions.
 *
 * @typeParam Tx - its own type of transactions, inferred from the client
 */
export interface PrismaTransactionalClientLike<Tx extends PrismaTransactionLike = PrismaTransactionLike>
  extends PrismaClientLike {
  $transaction<Result>(
    work: (tx: Tx) => Promise<Result>,
    options?: { maxWait?: number; timeout?: number; isolationLevel?: PrismaIsolationLevel },
  ): PromiseLike<Result>;
}

/**
 * Tells a transaction client from a root client, which has `$connect`, and from anything that lacks `member`. `$transaction`
 * tells nothing: since Prisma 7.10 both have it.
 */
export function isPrismaTransaction(client: unknown, member: string): boolean {
  if (typeof client !== "object" || client === null || typeof Reflect.get(client, "$connect") === "function")
    return false;
  return Reflect.get(client, member) !== undefined;
}
