import { milliseconds, objectWith } from "@omni-box/core";
import { z } from "zod";
import { prismaDefaults } from "./defaults.js";
import { schemaName } from "./postgresql/qualify-table.js";
import type { PrismaClientLike } from "./prisma-client-like.js";

/** Options of `createPrismaOutboxAdministration` and `createPrismaInboxAdministration`. */
export interface PrismaAdministrationOptions {
  /**
   * The database schema of the omni-box tables. Default: the connection's search_path decides, which is `public` unless it
   * was changed. Needed when the driver adapter was given a `schema`, since that does not apply to raw SQL.
   */
  readonly schema?: string | undefined;
  /** The longest wait for the answer to one statement; default 10,000 ms. After it the outcome is unknown. */
  readonly statementTimeoutMs?: number | undefined;
}

/** The rules of client and {@link PrismaAdministrationOptions}. */
export const administrationArguments = z.strictObject({
  client: objectWith<PrismaClientLike>("a Prisma client", "$queryRawUnsafe", "$executeRawUnsafe", "$connect"),
  options: z.strictObject({
    schema: schemaName.optional(),
    statementTimeoutMs: milliseconds(1).default(prismaDefaults.statementTimeoutMs),
  }),
});
