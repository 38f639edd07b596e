import {
  type AdministeredEvent,
  type BaseEvent,
  checkAdministration,
  type DeadLetterFailure,
  type DeadLetterRef,
  defaults,
  type EventAdministration,
  type EventChangeReport,
  type EventChangeRequest,
  type EventHistoryEntry,
} from "@omni-box/core";
import type { AdministrationDialect } from "./administration-dialect.js";
import type { Statements } from "./create-statements.js";
import type { StoredRow } from "./event-dialect.js";
import { isUuid } from "./is-uuid.js";
import type { BlockedKeyRow } from "./postgresql/administration/blocked-keys-sql.js";
import type { ChangeRow } from "./postgresql/administration/change-sql.js";
import type { DeadLetterColumns } from "./postgresql/administration/dead-letter-sql.js";
import type { AdministrationColumns } from "./postgresql/administration/list-sql.js";
import type { CountRow } from "./postgresql/administration/maintenance-sql.js";
import type { StatisticsRow } from "./postgresql/administration/statistics-sql.js";

/** Makes the methods of {@link EventAdministration} out of a dialect's statements. */
export function createAdministration<E extends BaseEvent>(
  dialect: AdministrationDialect<E>,
  { query, execute }: Statements,
): EventAdministration<E> {
  function administeredEvent(row: StoredRow & AdministrationColumns): AdministeredEvent<E> {
    return Object.freeze({
      event: dialect.readEvent(row),
      failedAt: row.failed_at,
      deadLetteredAt: row.dead_lettered_at,
      history: Object.freeze(
        row.history.map((entry) => Object.freeze({ ...entry, at: new Date(entry.at) }) as EventHistoryEntry),
      ),
    });
  }

  const change = (name: "requeue" | "skip" | "purge") => async (request: EventChangeRequest) => {
    const [row] = await query<ChangeRow>(`${name} events`, dialect.change(name, request));
    return reportOf(request, row);
  };

  return checkAdministration<E>({
    async list(listQuery) {
      return (await query<StoredRow & AdministrationColumns>("list events", dialect.list(listQuery))).map(
        administeredEvent,
      );
    },
    async find(id) {
      if (!isUuid(id)) return null;
      const [row] = await query<StoredRow & AdministrationColumns>("read an event", dialect.find(id));
      return row === undefined ? null : administeredEvent(row);
    },
    requeue: change("requeue"),
    skip: change("skip"),
    purge: change("purge"),

    async blockedKeys({ limit, consumerGroup }) {
      const rows = await query<BlockedKeyRow>("list blocked keys", dialect.blockedKeys(limit, consumerGroup));
      return rows.map((row) =>
        Object.freeze({
          partitionKey: row.partition_key,
          consumerGroup: row.consumer_group,
          bucket: row.bucket,
          head: Object.freeze({ id: row.id, seq: row.seq, type: row.event_type, lastError: row.last_error }),
          since: row.since,
          waiting: row.waiting,
        }),
      );
    },
    async statistics({ countLimit = defaults.countLimit, consumerGroup } = {}) {
      const [row] = await query<StatisticsRow>("count events", dialect.statistics(countLimit, consumerGroup));
      if (row === undefined) throw new TypeError("the statement that counts events returns one row");
      return Object.freeze({
        pending: row.pending,
        failed: row.failed,
        completed: row.completed,
        awaitingDeadLetter: row.awaiting_dead_letter,
        countLimit,
        oldestPendingMs: row.oldest_pending_ms,
        blockedKeys: row.blocked_keys,
        expiredLeases: row.expired_leases,
        owners: row.owners,
        unownedBuckets: row.unowned_buckets,
      });
    },

    async removeOld(request) {
      return countOf(await query<CountRow>("remove old events", dialect.removeOld(request)));
    },
    async releaseExpiredLeases({ limit }) {
      return countOf(await query<CountRow>("release expired leases", dialect.releaseExpiredLeases(limit)));
    },

    async takeDeadLetters(request) {
      const taken = await query<StoredRow & DeadLetterColumns>("take dead letters", dialect.takeDeadLetters(request));
      return taken.map((row) => ({
        event: dialect.readEvent(row),
        failedAt: row.failed_at,
        attemptsMade: row.dead_letter_attempts,
      }));
    },
    async recordDeadLettered(rows: readonly DeadLetterRef[]) {
      if (rows.length > 0) await execute("record published dead letters", dialect.recordDeadLettered(rows));
    },
    async recordDeadLetterFailed(rows: readonly DeadLetterFailure[]) {
      if (rows.length > 0) await execute("record failed dead letters", dialect.recordDeadLetterFailed(rows));
    },
  });
}

function reportOf({ filter: { ids = [] } }: EventChangeRequest, row: ChangeRow | undefined): EventChangeReport {
  if (row === undefined) throw new TypeError("a statement that changes events returns one row");
  const found = new Set(row.found);
  return Object.freeze({
    changed: row.changed.map(({ id, seq }) => ({ id, seq: BigInt(seq) })),
    refused: row.refused.map(({ id, seq, status }) => ({ id, seq: BigInt(seq), status })),
    missingIds: ids.filter((id) => !found.has(id.toLowerCase())),
    more: row.more,
  });
}

function countOf([row]: readonly CountRow[]): number {
  return row?.count ?? 0;
}
