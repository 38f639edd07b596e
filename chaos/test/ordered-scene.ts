import { expect } from "vitest";
import { type OwnedRelayTimes, shortTimes } from "../src/owned-relay.js";
import { type Arrivals, type ChaosScene, databaseUrl, openScene } from "./chaos-scene.js";
import { createKeyedWriter, type KeyedWriter } from "./keyed-writer.js";
import { type CommittedEvent, checkOrder, noFaults } from "./order-checker.js";
import { startWorkerProcess, type WorkerProcess } from "./worker-process.js";

/** How a relay process behaves; see `src/ordered-worker.ts`. */
export type OrderedBehaviour = "normal" | "hold" | "unreliable" | "poison";

/** A scene with a writer of keyed events and with relay processes that own buckets. */
export interface OrderedScene extends ChaosScene {
  readonly keys: readonly string[];
  readonly writer: KeyedWriter;
  /** Everything that the queue has delivered since the scene was opened. */
  readonly arrivals: Arrivals;
  /** Starts a relay process; resolves when it is running, or when it was killed by poison already. */
  startWorker(behaviour?: OrderedBehaviour, times?: OwnedRelayTimes): Promise<WorkerProcess>;
  /** Resolves when each committed event has arrived and none is pending any more. */
  settled(): Promise<void>;
  /** The workers that own buckets under a lease that lasts, and how many each; fewest first. */
  shares(): Promise<readonly number[]>;
  /** Fails when an event is lost, out of order, changed, or was never committed; returns the repetitions. */
  expectOrder(committed?: readonly CommittedEvent[]): number;
}

/** Opens the scene, with as many keys as given, or with those given. */
export async function openOrderedScene(keysOrCount: number | readonly string[]): Promise<OrderedScene> {
  const scene = await openScene();
  const keys =
    typeof keysOrCount === "number" ? Array.from({ length: keysOrCount }, (_, index) => `key-${index}`) : keysOrCount;
  const writer = await createKeyedWriter(scene.database, scene.name, keys);
  const arrivals = await scene.consume();
  const workers: WorkerProcess[] = [];
  const { client, schema } = scene.database;

  return {
    ...scene,
    keys,
    writer,
    arrivals,
    async startWorker(behaviour = "normal", times = shortTimes) {
      const args = [databaseUrl, scene.name, scene.amqpUrl, scene.name, behaviour, JSON.stringify(times)];
      const worker = startWorkerProcess("ordered-worker.js", args);
      workers.push(worker);
      await worker.said("running");
      if (worker.hasEnded && behaviour !== "poison") throw new Error("the relay process ended while it started");
      return worker;
    },
    async settled() {
      const missing = () => checkOrder(arrivals.deliveries, writer.committed).faults.lost;
      await expect.poll(missing, { timeout: 40_000, interval: 200 }).toEqual([]);
      const pending = () => client.outboxEvent.count({ where: { status: "pending" } });
      await expect.poll(pending, { timeout: 30_000, interval: 100 }).toBe(0);
    },
    async shares() {
      const rows = await client.$queryRawUnsafe<{ owned: number }[]>(
        `SELECT count(*)::integer AS owned FROM "${schema}".outbox_bucket
         WHERE owner IS NOT NULL AND lease_until > statement_timestamp() GROUP BY owner ORDER BY 1`,
      );
      return rows.map(({ owned }) => owned);
    },
    expectOrder(committed = writer.committed) {
      const { faults, duplicates } = checkOrder(arrivals.deliveries, committed);
      expect(faults).toEqual(noFaults);
      return duplicates;
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.kill()));
      await arrivals.end();
      await scene.close();
    },
  };
}
