export {
  type AppliedMigrations,
  type ApplyOmniBoxMigrationsOptions,
  applyOmniBoxMigrations,
} from "./apply-omni-box-migrations.js";
export {
  createPrismaModelOutboxRepository,
  type PrismaModelOutboxRepositoryOptions,
} from "./create-prisma-model-outbox-repository.js";
export { createPrismaOutboxRepository, type PrismaOutboxRepositoryOptions } from "./create-prisma-outbox-repository.js";
export { prismaDefaults } from "./defaults.js";
export { type OmniBoxExtension, type OmniBoxExtensionOptions, omniBox, type TransactionOutbox } from "./omni-box.js";
export type {
  PrismaClientLike,
  PrismaTransactionalClientLike,
  PrismaTransactionLike,
} from "./prisma-client-like.js";
export type {
  OutboxEventDelegateLike,
  OutboxSettingDelegateLike,
  PrismaModelClientLike,
  PrismaModelTransactionLike,
} from "./prisma-model-client-like.js";
export type { PrismaOutboxOptions } from "./prisma-outbox-options.js";
