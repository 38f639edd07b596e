import { type OutboxRelay, partitionBucket } from "@omni-box/core";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import { expect, vi } from "vitest";
import type { Doom } from "../src/doomed-relay.js";
import { createKillSceneRelay, killSceneTimes } from "../src/kill-scene-relay.js";
import { databaseUrl } from "./chaos-scene.js";
import { keyOfEachBucket } from "./key-of-each-bucket.js";
import type { CommittedEvent } from "./order-checker.js";
import { type OrderedScene, openOrderedScene } from "./ordered-scene.js";
import { type Ending, runDoomed } from "./run-doomed.js";

/** One key of each bucket. */
const keyOfBucket = keyOfEachBucket();
const [suspect = "", blocked = "", hopeless = "", refused = "", scheduled = "", held = "", hot = ""] = keyOfBucket;
/** They wait for an event that has failed, so that no later one of theirs is published. */
const stuckKeys = [blocked, hopeless];

/** A scene with work for every statement, and with one relay process to be killed in the middle of it. */
export interface RelayKillScene extends OrderedScene {
  /** Starts the process, does something `meanwhile` when it runs, and resolves when it has ended. */
  runDoomed(meanwhile?: () => Promise<unknown>): Promise<Ending>;
  /** Waits until the process has acquired what is free, and ends the lease of the owner that has died before. */
  endFormerLease(): Promise<void>;
  /** Starts the relay, in this process, that is to do what is left. */
  startSuccessor(): Promise<void>;
  /** Starts it when the process has more than its half of the buckets, which it then has to give up in part. */
  startBeside(): Promise<void>;
  /** Commits one more event in each bucket whose key is not stuck. */
  writeMore(): Promise<void>;
  /** All committed events but those that must never be published. */
  publishable(): readonly CommittedEvent[];
  /** How many buckets the successor owns. */
  owned(): Promise<number | undefined>;
  /** The buckets that count as left behind by a dead owner. */
  unclean(): Promise<readonly number[]>;
  /** Rows that are not completed, or that count attempts or starts. */
  oddRows(): Promise<readonly OddRow[]>;
  /** What {@link oddRows} has to answer when everything is done. */
  expectedOddRows(): readonly OddRow[];
}

/** See {@link RelayKillScene.oddRows}. */
export interface OddRow {
  readonly id: string;
  readonly status: string;
  readonly attempts: number;
  readonly started: number;
}

/** How the scene is made. */
export interface RelayKillSceneOptions extends Doom {
  /** Whether the lease of the owner that has died is not over before {@link RelayKillScene.endFormerLease}. */
  readonly formerLeaseLasts: boolean;
}

export async function openRelayKillScene(doom: RelayKillSceneOptions): Promise<RelayKillScene> {
  const scene = await openOrderedScene(keyOfBucket);
  const { database, writer, name, amqpUrl } = scene;
  const { client } = database;
  const event = `"${name}".outbox_event`;
  const bucket = `"${name}".outbox_bucket`;
  const run = (sql: string, ...values: unknown[]) => client.$executeRawUnsafe(sql, ...values);
  const write = async (keys: readonly string[], type?: string) => {
    const first = writer.committed.length;
    await writer.write({ keys, ...(type !== undefined && { type }) });
    return writer.committed.slice(first).map(({ id }) => id);
  };

  await write(keyOfBucket);
  const [failedId = ""] = await write([blocked]);
  await run(`UPDATE ${event} SET status = 'failed', attempts_made = 1 WHERE id = $1::uuid`, failedId);
  const [hopelessId = ""] = await write([hopeless], "hopeless");
  const [refusedId = ""] = await write([refused], "refused");
  await write([held], "held");
  const scheduledIds = await write([scheduled, scheduled, scheduled]);
  await run(`UPDATE ${event} SET scheduled_at = statement_timestamp() WHERE id = ANY ($1::uuid[])`, scheduledIds);
  const behind = writer.committed.length;
  await write([...keyOfBucket.slice(0, 16), ...new Array<string>(15).fill(hot)]);
  const stuckIds = writer.committed
    .slice(behind)
    .flatMap(({ id, partitionKey }) => (stuckKeys.includes(partitionKey) ? [id] : []));
  // Owners of one bucket have died again and again, and the owner of four others for the first time.
  await run(`UPDATE ${bucket} SET unclean_takeovers = 2 WHERE bucket = $1::integer`, partitionBucket(suspect, 64));
  const longAgo = "statement_timestamp() - interval '1 hour'";
  const leaseEnd = doom.formerLeaseLasts ? "'infinity'" : longAgo;
  await run(`UPDATE ${bucket} SET owner = 'former', epoch = 1, lease_until = ${leaseEnd} WHERE bucket % 16 = 3`);
  const owns = async (workerId: string) => {
    const [row] = await client.$queryRawUnsafe<{ owned: number }[]>(
      `SELECT count(*)::integer AS owned FROM ${bucket}
       WHERE owner LIKE $1::text || '%' AND lease_until > statement_timestamp()`,
      workerId,
    );
    return row?.owned;
  };

  let successor: OutboxRelay | undefined;
  async function startSuccessor(): Promise<void> {
    const repository = createPrismaOutboxRepository(client, { schema: name, onPublished: doom.onPublished });
    successor = createKillSceneRelay({ repository, amqpUrl, exchange: name, workerId: "successor" });
    await successor.start();
  }
  const neverPublished = new Set([failedId, hopelessId, ...stuckIds]);
  return {
    ...scene,
    runDoomed: (meanwhile) =>
      runDoomed("doomed-relay.js", [databaseUrl, name, amqpUrl, name, JSON.stringify(doom)], meanwhile),
    async endFormerLease() {
      await vi.waitFor(async () => expect(await owns("doomed")).toBe(60), { timeout: 20_000, interval: 100 });
      await run(`UPDATE ${bucket} SET lease_until = ${longAgo} WHERE owner = 'former'`);
    },
    startSuccessor,
    async startBeside() {
      await vi.waitFor(async () => expect(await owns("doomed")).toBeGreaterThan(32), { timeout: 20_000, interval: 20 });
      await startSuccessor();
    },
    async writeMore() {
      await write(keyOfBucket.filter((key) => !stuckKeys.includes(key)));
    },
    publishable: () => writer.committed.filter(({ id }) => !neverPublished.has(id)),
    owned: () => owns("successor"),
    unclean: async () => {
      const sql = `SELECT bucket FROM ${bucket} WHERE unclean_takeovers > 0 ORDER BY bucket`;
      return (await client.$queryRawUnsafe<{ bucket: number }[]>(sql)).map((row) => row.bucket);
    },
    oddRows: () =>
      client.$queryRawUnsafe(
        `SELECT id, status, attempts_made AS attempts, started_attempts AS started FROM ${event}
         WHERE status <> 'completed' OR attempts_made > 0 OR started_attempts > 0 OR lease_token IS NOT NULL
         ORDER BY seq`,
      ),
    expectedOddRows() {
      const kept = doom.onPublished === "keep" ? [{ id: refusedId, status: "completed", attempts: 1, started: 0 }] : [];
      return [
        { id: failedId, status: "failed", attempts: 1, started: 0 },
        { id: hopelessId, status: "failed", attempts: 1, started: 0 },
        ...kept,
        ...stuckIds.map((id) => ({ id, status: "pending", attempts: 0, started: 0 })),
      ];
    },
    async close() {
      await successor?.stop();
      await scene.close();
    },
  };
}

/** How long a bucket may be without an owner after a kill, by the rules. */
export const ownerlessMs = killSceneTimes.leaseMs + killSceneTimes.takeoverGraceMs;
