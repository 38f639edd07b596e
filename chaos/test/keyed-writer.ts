import { createOutbox, createOutboxEvent, type OutboxEventDraft } from "@omni-box/core";
import type { Database } from "../src/open-database.js";
import type { CommittedEvent } from "./order-checker.js";

/** One transaction that adds events. */
export interface KeyedWrite {
  /** One event each, in this order. */
  readonly keys: readonly string[];
  /** Default `thing.happened`. */
  readonly type?: string;
  /** Ends by rolling back; default `false`. */
  readonly rollsBack?: boolean;
  /** The transaction stays open, with its events added, until this resolves. */
  readonly until?: Promise<unknown>;
}

/** Adds events of many keys, as the guarantee asks: whoever writes a key locks its row before `add`. */
export interface KeyedWriter {
  /** Events of transactions that have committed; grows. */
  readonly committed: readonly CommittedEvent[];
  /** Resolves when the transaction has ended. Never waits for another one that shares no key with it. */
  write(write: KeyedWrite): Promise<void>;
}

/** Makes the table whose rows are locked. */
export async function createKeyedWriter(
  database: Database,
  topic: string,
  keys: readonly string[],
): Promise<KeyedWriter> {
  const { client, schema, repository } = database;
  const outbox = createOutbox({ repository });
  const committed: CommittedEvent[] = [];
  await client.$executeRawUnsafe(`CREATE TABLE "${schema}".aggregate (key text PRIMARY KEY)`);
  await client.$executeRawUnsafe(`INSERT INTO "${schema}".aggregate SELECT unnest($1::text[])`, keys);

  return {
    committed,
    async write({ keys: written, type = "thing.happened", rollsBack = false, until }) {
      const drafts = written.map((key) => draftOf(key, type, topic));
      const events: CommittedEvent[] = [];
      const transaction = client.$transaction(
        async (tx) => {
          // In one order for all, so that two transactions never wait for each other.
          const lock = `SELECT key FROM "${schema}".aggregate WHERE key = ANY ($1::text[]) ORDER BY key FOR UPDATE`;
          await tx.$queryRawUnsafe(lock, written);
          const added = await outbox.add(tx, drafts);
          for (const [index, { id, seq }] of added.entries()) {
            if (seq !== null) events.push({ id, seq, partitionKey: written[index] ?? "" });
          }
          await until;
          if (rollsBack) throw new RolledBack();
        },
        { timeout: 120_000, maxWait: 120_000 },
      );
      const isCommitted = await transaction.then(
        () => true,
        (error: unknown) => {
          if (error instanceof RolledBack) return false;
          throw error;
        },
      );
      if (isCommitted) committed.push(...events);
    },
  };
}

class RolledBack extends Error {}

function draftOf(key: string, type: string, topic: string): OutboxEventDraft {
  return createOutboxEvent({ type, schemaVersion: "1", topic, aggregateType: "thing", aggregateId: key, payload: {} });
}
