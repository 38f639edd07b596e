import { type ConfirmChannel, connect, type Options } from "amqplib";
import pg from "pg";

/** What the hand-written relay works with. */
export interface HandWrittenRelayOptions {
  readonly databaseUrl: string;
  readonly amqpUrl: string;
  /** Qualified and quoted. */
  readonly table: string;
  readonly exchange: string;
  /** Whether at most one event of a key is in flight. */
  readonly isOrdered: boolean;
  /** Which buckets are this process's: those whose number leaves `index` when divided by `count`. */
  readonly share: { readonly index: number; readonly count: number };
}

/** A relay with the semantics of ours, on pg and amqplib alone. */
export interface HandWrittenRelay {
  /** Relays until `stop`. Rejects on any failure: the process is to end, and its successor begins anew with the pending rows. */
  run(): Promise<void>;
  nudge(): void;
  stop(): Promise<void>;
}

interface Row {
  readonly seq: string;
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: string;
  readonly topic: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly key: string;
  readonly bucket: number;
  readonly payload: string;
  readonly headers: string;
  readonly timestamp: number;
}

const batchSize = 1_000;
/** Events read ahead of their confirms. */
const aheadMax = 4_000;
const deleteBatchSize = 500;
const channelCount = 2;
const idlePauseMs = 5;
/** A commit may come so much later than one with a greater number, until the next full pass. */
const lateMs = 5_000;
const stepBackMs = 1_000;
const fullPassMs = 60_000;

/**
 * The yardstick: what a careful team would write for one table and one broker, as fast as pg and amqplib let it.
 *
 * One process owns a share of the buckets by a session's advisory lock. It reads pending rows by `seq` while the batch before
 * is being published, keeps one event of a key in flight, pipelines the confirms of all keys, and deletes what was confirmed
 * in bulk. It has no retries, no fences, no health and no outages: any failure ends it.
 */
export async function createHandWrittenRelay(options: HandWrittenRelayOptions): Promise<HandWrittenRelay> {
  const { table, exchange, isOrdered, share } = options;
  const reader = new pg.Client(options.databaseUrl);
  const writer = new pg.Client(options.databaseUrl);
  await Promise.all([reader.connect(), writer.connect()]);
  await reader.query("SELECT pg_advisory_lock(hashtext($1), $2)", [table, share.index]);
  // One plan, whatever the statistics say: the rows in the order of seq. A fresh backlog was sorted whole for every read.
  await reader.query("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off");
  const connection = await connect(options.amqpUrl, { noDelay: true });
  const channels: ConfirmChannel[] = [];
  while (channels.length < channelCount) channels.push(await connection.createConfirmChannel());

  /** Read, and not yet known to be gone for the read that comes next. */
  const inHand = new Set<string>();
  /** Keys with an event in flight, and what waits behind it. */
  const waiting = new Map<string, Row[]>();
  /** Read and not confirmed, and those of them that were published. */
  let open = 0;
  let unconfirmed = 0;
  let confirmed: string[] = [];
  let deleted: string[] = [];
  let deleting: Promise<void> | null = null;
  let isStopped = false;
  let wake: () => void = () => undefined;
  let hasFailed = false;
  let fail: (error: Error) => void;
  const failed = new Promise<never>((_, reject) => {
    fail = (error) => {
      hasFailed = true;
      wake();
      reject(error);
    };
  });
  failed.catch(() => undefined);
  for (const channel of channels) {
    channel.on("error", (error) => fail(error)).on("return", () => fail(new Error("a message was returned")));
  }
  connection.on("error", (error) => fail(error));

  function take(row: Row): void {
    open += 1;
    const line = isOrdered ? waiting.get(row.key) : undefined;
    if (line !== undefined) {
      line.push(row);
      return;
    }
    if (isOrdered) waiting.set(row.key, []);
    publish(row);
  }

  function publish(row: Row): void {
    unconfirmed += 1;
    const channel = channels[row.bucket % channelCount] as ConfirmChannel;
    channel.publish(exchange, row.topic, Buffer.from(row.payload), propertiesOf(row), (error) => {
      if (error !== null) return fail(error);
      open -= 1;
      unconfirmed -= 1;
      confirmed.push(row.seq);
      if (isStopped) {
        if (unconfirmed === 0) wake();
        return;
      }
      if (isOrdered) {
        const next = waiting.get(row.key)?.shift();
        if (next === undefined) waiting.delete(row.key);
        else publish(next);
      }
      if (confirmed.length >= deleteBatchSize || open === 0) remove();
      if (open < aheadMax - batchSize) wake();
    });
  }

  function remove(): void {
    if (deleting !== null || confirmed.length === 0) return;
    const seqs = confirmed;
    confirmed = [];
    const text = `DELETE FROM ${table} WHERE seq = ANY ($1::bigint[])`;
    deleting = writer.query({ name: "delete", text, values: [seqs] }).then(
      () => {
        deleted.push(...seqs);
        deleting = null;
        if (confirmed.length >= deleteBatchSize || open === 0) remove();
      },
      (error) => {
        deleting = null;
        fail(error);
      },
    );
  }

  const ownBuckets = share.count === 1 ? "" : `AND bucket % ${share.count} = ${share.index}`;
  const read = (afterSeq: string, blocked: readonly string[]) =>
    reader.query<Row>({
      name: blocked.length === 0 ? "read" : "read past blocked keys",
      text: `
        SELECT seq, id, event_type AS type, schema_version AS "schemaVersion", topic, aggregate_type AS "aggregateType",
          aggregate_id AS "aggregateId", partition_key AS key, bucket, payload::text AS payload, headers::text AS headers,
          extract(epoch FROM created_at)::integer AS timestamp
        FROM ${table}
        WHERE status = 'pending' AND seq > $1 AND (scheduled_at IS NULL OR scheduled_at <= now()) ${ownBuckets}
          ${blocked.length === 0 ? "" : "AND partition_key <> ALL ($2::text[])"}
        ORDER BY seq LIMIT ${batchSize}`,
      values: blocked.length === 0 ? [afterSeq] : [afterSeq, blocked],
    });

  async function blockedKeys(): Promise<string[]> {
    if (!isOrdered) return [];
    const text = `SELECT DISTINCT partition_key AS key FROM ${table} WHERE status = 'failed' ORDER BY 1`;
    return (await reader.query<{ key: string }>({ name: "blocked", text })).rows.map(({ key }) => key);
  }

  async function relay(): Promise<void> {
    let cursor = "0";
    let blocked: string[] = [];
    /** Where the cursor was, to step back to. */
    let positions: { readonly at: number; readonly seq: string }[] = [];
    let steppedBackAt = Number.NEGATIVE_INFINITY;
    let fullPassAt = performance.now();
    while (!isStopped) {
      if (open > aheadMax - batchSize) await new Promise<void>((resolve) => (wake = resolve));
      const now = performance.now();
      if (now - steppedBackAt > stepBackMs) {
        blocked = await blockedKeys();
        positions = positions.filter(({ at }) => at > now - lateMs - stepBackMs);
        positions.push({ at: now, seq: cursor });
        cursor = now - fullPassAt > fullPassMs ? "0" : (positions[0]?.seq ?? "0");
        if (cursor === "0") fullPassAt = now;
        steppedBackAt = now;
      }
      // The read that begins here sees these deletions.
      for (const seq of deleted) inHand.delete(seq);
      deleted = [];
      const { rows } = await read(cursor, blocked);
      let fresh = 0;
      for (const row of rows) {
        if (inHand.has(row.seq)) continue;
        fresh += 1;
        inHand.add(row.seq);
        take(row);
      }
      cursor = rows.at(-1)?.seq ?? cursor;
      if (fresh === 0 && rows.length < batchSize) await idle();
    }
  }

  function idle(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, idlePauseMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  let running = Promise.resolve();
  return {
    run() {
      running = relay();
      return Promise.race([running, failed]);
    },
    nudge: () => wake(),
    async stop() {
      isStopped = true;
      wake();
      await running;
      while (unconfirmed > 0 && !hasFailed) await idle();
      while ((deleting !== null || confirmed.length > 0) && !hasFailed) {
        remove();
        await deleting;
      }
      await connection.close();
      await Promise.all([reader.end(), writer.end()]);
    },
  };
}

function propertiesOf(row: Row): Options.Publish {
  const own = {
    "omni-format": "raw",
    "omni-schema-version": row.schemaVersion,
    "omni-aggregate-type": row.aggregateType,
    "omni-aggregate-id": row.aggregateId,
    "omni-partition-key": row.key,
    "omni-seq": row.seq,
  };
  return {
    mandatory: true,
    persistent: true,
    messageId: row.id,
    type: row.type,
    timestamp: row.timestamp,
    contentType: "application/json",
    headers: row.headers === "{}" ? own : { ...JSON.parse(row.headers), ...own },
  };
}
