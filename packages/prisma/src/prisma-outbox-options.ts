import { defaults, milliseconds } from "@omni-box/core";
import { z } from "zod";
import { prismaDefaults } from "./defaults.js";

/** Options that all outbox repositories of this package share. */
export interface PrismaOutboxOptions {
  /** What becomes of a published event: `"delete"` (default) keeps the table small, `"keep"` marks it as completed. */
  readonly onPublished?: "delete" | "keep" | undefined;
  /** Default 64. Must equal the count recorded in `outbox_setting`: `add` and `verify` compare them. */
  readonly bucketCount?: number | undefined;
  /** The longest wait for the answer to one statement; default 10,000 ms. After it the outcome is unknown. */
  readonly statementTimeoutMs?: number | undefined;
}

/** The rules of {@link PrismaOutboxOptions}. */
export const prismaOutboxOptions = z.strictObject({
  onPublished: z.enum(["delete", "keep"]).default("delete"),
  bucketCount: z.int().min(1).max(32_767).default(defaults.bucketCount),
  statementTimeoutMs: milliseconds(1).default(prismaDefaults.statementTimeoutMs),
});
