import { randomBytes } from "node:crypto";
import { createInboxEventId, type InboxProcessor, type InboxRow, partitionBucket } from "@omni-box/core";
import { expect, vi } from "vitest";
import type { InboxOwnerDoom } from "../src/doomed-inbox-owner.js";
import { createInboxBucketProcessor, inboxBucketTimes, killedGroup } from "../src/inbox-bucket-processor.js";
import { createTables, dropTables, openDatabase } from "../src/open-database.js";
import { databaseUrl } from "./chaos-scene.js";
import { keyOfEachBucket } from "./key-of-each-bucket.js";
import { type Ending, runDoomed } from "./run-doomed.js";

const keyOfBucket = keyOfEachBucket();
const [suspect = "", blocked = "", hopeless = "", refused = "", scheduled = "", held = "", hot = ""] = keyOfBucket;
/** They wait for an event that has failed, so that no later one of theirs is handled. */
const stuckKeys = [blocked, hopeless];

/** A scene with work for every statement, and with one process to be killed in the middle of it. */
export interface InboxBucketKillScene {
  /** Starts the process, does something `meanwhile` when it runs, and resolves when it has ended. */
  runDoomed(meanwhile?: () => Promise<unknown>): Promise<Ending>;
  /** Waits until the process has acquired what is free, and ends the lease of the owner that has died before. */
  endFormerLease(): Promise<void>;
  /** Starts the processor, in this process, that is to do what is left. */
  startSuccessor(): Promise<void>;
  /** Starts it when the process has more than its half of the buckets, which it then has to give up in part. */
  startBeside(): Promise<void>;
  /** Stores one more event in each bucket whose key is not stuck. */
  storeMore(): Promise<void>;
  /** The numbers of the effects of each key, in the order of their commits. */
  effects(): Promise<Readonly<Record<string, readonly number[]>>>;
  /** What {@link effects} has to answer when everything is done. */
  expectedEffects(): Readonly<Record<string, readonly number[]>>;
  /** How many buckets the successor owns. */
  owned(): Promise<number | undefined>;
  /** The buckets that count as left behind by a dead owner. */
  unclean(): Promise<readonly number[]>;
  /** Events that are not completed, or that count starts, by message id. */
  oddRows(): Promise<readonly OddMessage[]>;
  /** What {@link oddRows} has to answer when everything is done. */
  expectedOddRows(): readonly OddMessage[];
  close(): Promise<void>;
}

/** See {@link InboxBucketKillScene.oddRows}. */
export interface OddMessage {
  readonly id: string;
  readonly status: string;
  readonly attempts: number;
  readonly started: number;
}

/** How the scene is made. */
export interface InboxBucketKillSceneOptions extends InboxOwnerDoom {
  /** Whether the buckets of the group are there, in part with former owners. */
  readonly isMade: boolean;
  /** Whether the lease of the owner that has died is not over before {@link InboxBucketKillScene.endFormerLease}. */
  readonly formerLeaseLasts: boolean;
}

export async function openInboxBucketKillScene(doom: InboxBucketKillSceneOptions): Promise<InboxBucketKillScene> {
  const schema = `chaos_inbox_bucket_${randomBytes(5).toString("hex")}`;
  const database = openDatabase(databaseUrl, schema, { maxConnections: 8 });
  const { client, inbox } = database;
  await createTables(database);
  const run = (sql: string, ...values: unknown[]) => client.$executeRawUnsafe(sql, ...values);
  await run(
    `CREATE TABLE "${schema}".ordered_effect
       (position bigint GENERATED ALWAYS AS IDENTITY, key text NOT NULL, number integer NOT NULL)`,
  );
  const event = `"${schema}".inbox_event`;
  const bucket = `"${schema}".inbox_bucket`;

  /** How many of each key were stored: they are numbered from 1 in that order. */
  const stored = new Map<string, number>();
  async function store(keys: readonly string[], type = "plain"): Promise<readonly string[]> {
    const rows = keys.map((partitionKey): InboxRow => {
      const number = (stored.get(partitionKey) ?? 0) + 1;
      stored.set(partitionKey, number);
      const draft = {
        ...{ id: createInboxEventId(), messageId: `${partitionKey}-${number}`, consumerGroup: killedGroup },
        ...{ source: "chaos", type, schemaVersion: "1", topic: schema, partitionKey, payload: { number } },
        ...{ headers: {}, traceId: null, correlationId: null, causationId: null, maxAttempts: 10 },
        ...{ senderSeq: null, body: null },
      };
      return { draft, status: "pending", attemptsMade: 0, startedAttempts: 0, delayMs: null, error: null };
    });
    await inbox.store(rows);
    return rows.map(({ draft }) => draft.messageId);
  }

  await store(keyOfBucket);
  const [failedId = ""] = await store([blocked]);
  await run(`UPDATE ${event} SET status = 'failed', attempts_made = 1 WHERE message_id = $1`, failedId);
  const [hopelessId = ""] = await store([hopeless], "hopeless");
  await store([refused], "refused");
  await store([held], "held");
  const scheduledIds = await store([scheduled, scheduled, scheduled]);
  await run(
    `UPDATE ${event} SET scheduled_at = statement_timestamp() WHERE message_id = ANY ($1::text[])`,
    scheduledIds,
  );
  const behind = await store([...keyOfBucket.slice(0, 16), ...new Array<string>(15).fill(hot)]);
  const stuckIds = behind.filter((id) => stuckKeys.some((key) => id.startsWith(`${key}-`)));

  const longAgo = "statement_timestamp() - interval '1 hour'";
  if (doom.isMade) {
    const nothing = { kind: "buckets", owner: "nobody", epochs: new Map<number, bigint>() } as const;
    await inbox.bucketsOf?.(killedGroup).renew(nothing, 1);
    // Owners of one bucket have died again and again, and the owner of four others for the first time.
    await run(`UPDATE ${bucket} SET unclean_takeovers = 2 WHERE bucket = $1::integer`, partitionBucket(suspect, 64));
    const leaseEnd = doom.formerLeaseLasts ? "'infinity'" : longAgo;
    await run(`UPDATE ${bucket} SET owner = 'former', epoch = 1, lease_until = ${leaseEnd} WHERE bucket % 16 = 3`);
  }
  const owns = async (workerId: string) => {
    const [row] = await client.$queryRawUnsafe<{ owned: number }[]>(
      `SELECT count(*)::integer AS owned FROM ${bucket}
       WHERE owner LIKE $1::text || '%' AND lease_until > statement_timestamp()`,
      workerId,
    );
    return row?.owned;
  };

  let successor: InboxProcessor | undefined;
  async function startSuccessor(): Promise<void> {
    successor = createInboxBucketProcessor({ repository: inbox, schema, workerId: "successor" });
    await successor.start();
  }
  /** Of the stuck keys only the first event is handled; what follows has failed, or waits. */
  const handledOf = (key: string) => (stuckKeys.includes(key) ? 1 : (stored.get(key) ?? 0));

  return {
    runDoomed: (meanwhile) =>
      runDoomed("doomed-inbox-owner.js", [databaseUrl, schema, JSON.stringify(doom)], meanwhile),
    async endFormerLease() {
      await vi.waitFor(async () => expect(await owns("doomed")).toBe(60), { timeout: 20_000, interval: 100 });
      await run(`UPDATE ${bucket} SET lease_until = ${longAgo} WHERE owner = 'former'`);
    },
    startSuccessor,
    async startBeside() {
      await vi.waitFor(async () => expect(await owns("doomed")).toBeGreaterThan(32), {
        timeout: 20_000,
        interval: 20,
      });
      await startSuccessor();
    },
    async storeMore() {
      await store(keyOfBucket.filter((key) => !stuckKeys.includes(key)));
    },
    async effects() {
      const rows = await client.$queryRawUnsafe<{ key: string; numbers: number[] }[]>(
        `SELECT key, array_agg(number ORDER BY position) AS numbers FROM "${schema}".ordered_effect GROUP BY key`,
      );
      return Object.fromEntries(rows.map(({ key, numbers }) => [key, numbers]));
    },
    expectedEffects: () =>
      Object.fromEntries(
        keyOfBucket.map((key) => [key, Array.from({ length: handledOf(key) }, (_, index) => index + 1)]),
      ),
    owned: () => owns("successor"),
    async unclean() {
      const sql = `SELECT bucket FROM ${bucket} WHERE unclean_takeovers > 0 ORDER BY bucket`;
      return (await client.$queryRawUnsafe<{ bucket: number }[]>(sql)).map((row) => row.bucket);
    },
    oddRows: () =>
      client.$queryRawUnsafe(
        `SELECT message_id AS id, status, attempts_made AS attempts, started_attempts AS started FROM ${event}
         WHERE status <> 'completed' OR started_attempts > 0 OR lease_token IS NOT NULL ORDER BY seq`,
      ),
    expectedOddRows: () => [
      { id: failedId, status: "failed", attempts: 1, started: 0 },
      { id: hopelessId, status: "failed", attempts: 1, started: 0 },
      ...stuckIds.map((id) => ({ id, status: "pending", attempts: 0, started: 0 })),
    ],
    async close() {
      await successor?.stop();
      await dropTables(database);
    },
  };
}

/** How long a bucket may be without an owner after a kill, by the rules. */
export const inboxOwnerlessMs = inboxBucketTimes.leaseMs + inboxBucketTimes.takeoverGraceMs;
