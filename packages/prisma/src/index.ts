export {
  type AppliedMigrations,
  type ApplyOmniBoxMigrationsOptions,
  applyOmniBoxMigrations,
} from "./apply-omni-box-migrations.js";
export { createPrismaInboxAdministration } from "./create-prisma-inbox-administration.js";
export { createPrismaInboxRepository } from "./create-prisma-inbox-repository.js";
export {
  createPrismaModelOutboxRepository,
  type PrismaModelOutboxRepositoryOptions,
} from "./create-prisma-model-outbox-repository.js";
export { createPrismaOutboxAdministration } from "./create-prisma-outbox-administration.js";
export { createPrismaOutboxRepository, type PrismaOutboxRepositoryOptions } from "./create-prisma-outbox-repository.js";
export { prismaDefaults } from "./defaults.js";
export { type ExamineStoreOptions, examineStore } from "./doctor/examine-store.js";
export type { DoctorFinding } from "./doctor/finding.js";
export { type OmniBoxExtension, type OmniBoxExtensionOptions, omniBox, type TransactionOutbox } from "./omni-box.js";
export type { PrismaAdministrationOptions } from "./prisma-administration-options.js";
export type {
  PrismaClientLike,
  PrismaIsolationLevel,
  PrismaTransactionalClientLike,
  PrismaTransactionLike,
} from "./prisma-client-like.js";
export type { PrismaInboxRepositoryOptions, PrismaInboxTransactionOptions } from "./prisma-inbox-options.js";
export type {
  OutboxEventDelegateLike,
  OutboxSettingDelegateLike,
  PrismaModelClientLike,
  PrismaModelTransactionLike,
} from "./prisma-model-client-like.js";
export type { PrismaOutboxOptions } from "./prisma-outbox-options.js";
export {
  type OmniBoxMigration,
  type ReadOmniBoxMigrationsOptions,
  readOmniBoxMigrations,
} from "./read-omni-box-migrations.js";
export {
  defineTransition,
  type PrismaModelLike,
  type Transition,
  type TransitionOptions,
} from "./transitions/define-transition.js";
export { createPostgresqlWakeUp, type PostgresqlWakeUpOptions } from "./wake-up/create-postgresql-wake-up.js";
export {
  createPostgresqlWakeUpSender,
  type PostgresqlWakeUpSenderOptions,
} from "./wake-up/create-postgresql-wake-up-sender.js";
export type { PgListenClientLike, PgNotificationLike } from "./wake-up/pg-listen-client-like.js";
