import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DistributedLock, HeldLock, LockOptions } from "@omni-box/core";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRecordingLogger, type RecordingLogger } from "../../rabbitmq/test/recording-logger.js";
import { startTcpProxy, type TcpProxy } from "../../rabbitmq/test/tcp-proxy.js";
import { createRedisLock, redisClientOptions } from "../src/index.js";
import { createPrivateRedis, type PrivateRedis, startPrivateRedis } from "./private-redis.js";
import { startProcess } from "./start-process.js";
import { createTestClient, ready } from "./test-client.js";

const key = "order-4711";
const keyPrefix = `secret-${randomUUID()}:`;
const fencingKey = `${keyPrefix}fence`;
const lockKey = `${keyPrefix}held:${key}`;
/** What a busy machine may take on top of any time. */
const within = { timeout: 20_000, interval: 20 };

const cleanUps: (() => unknown)[] = [];
let redis: PrivateRedis;
let logger: RecordingLogger;

beforeEach(async () => {
  logger = createRecordingLogger();
  redis = await createPrivateRedis();
  cleanUps.push(redis.remove);
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A lock over a connection of its own. */
function connect(port = redis.port): { lock: DistributedLock; client: Redis } {
  const client = createTestClient(port);
  cleanUps.push(() => client.disconnect());
  return { client, lock: createRedisLock({ client, keyPrefix, logger }) };
}

async function hold(lock: DistributedLock, options: LockOptions = {}): Promise<HeldLock> {
  return (await lock.acquire(key, options)) ?? expect.fail("the lock could not be had");
}

/** @returns the error */
async function unavailable(lock: DistributedLock, options?: LockOptions): Promise<unknown> {
  const error: unknown = await lock.acquire(key, options).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "LOCK.UNAVAILABLE" });
  return error;
}

const lost = (held: HeldLock) => expect.poll(() => held.signal.reason, within).toMatchObject({ code: "LOCK.LOST" });

/** A proxy in front of a server that can be exchanged for another one. */
async function startSwitch(): Promise<{ proxy: TcpProxy; target: { host: string; port: number } }> {
  const target = { host: "127.0.0.1", port: redis.port };
  const proxy = await startTcpProxy(target);
  cleanUps.push(proxy.close);
  return { proxy, target };
}

describe("without Redis", () => {
  it("a lock is unavailable, at the start and later, and is had by the same client once Redis is there", async () => {
    const { lock, client } = connect();
    await unavailable(lock);
    await unavailable(lock, { waitMs: 60_000 });
    await redis.start();
    await ready(client);
    await (await hold(lock)).release();
    await redis.kill();
    await unavailable(lock);
    await redis.start();
    await ready(client);
    await hold(lock);
  });

  it("a lock that is asked for right after its client was made waits for the connection", async () => {
    await redis.start();
    await hold(connect().lock);
  });

  it("a lock makes a lazy client connect, and all who ask meanwhile wait together", async () => {
    await redis.start();
    const client = new Redis(redis.port, "127.0.0.1", { ...redisClientOptions, lazyConnect: true });
    client.on("error", () => undefined);
    cleanUps.push(() => client.disconnect());
    const lock = createRedisLock({ client, keyPrefix, logger });
    const acquiring = Promise.all(Array.from({ length: 50 }, (_, index) => lock.acquire(`${key}-${index}`)));
    await new Promise((resolve) => setImmediate(resolve));
    // One of ours, and one of ioredis's own.
    const listeners = client.listenerCount("ready");
    expect((await acquiring).every((held) => held !== null)).toBe(true);
    expect([listeners, client.listenerCount("ready")]).toEqual([2, 0]);
  });

  it("a lock that is held is lost when its time is over", async () => {
    await redis.start();
    const { lock } = connect();
    const startedAt = performance.now();
    const held = await hold(lock, { ttlMs: 1_500 });
    await redis.kill();
    expect(held.signal.aborted).toBe(false);
    await lost(held);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(1_490);
    await held.release();
  });
});

describe("a Redis that forgets", () => {
  it("restarted empty, is noticed by the holder at its next extension; fencing numbers begin anew", async () => {
    await redis.start();
    const { lock, client } = connect();
    const { lock: other, client: otherClient } = connect();
    await (await hold(lock)).release();
    const held = await hold(lock, { ttlMs: 6_000 });
    expect(held.fencingNumber).toBe(2);
    await redis.kill();
    await redis.start();
    await Promise.all([ready(client), ready(otherClient)]);
    const next = await hold(other, { ttlMs: 60_000 });
    expect(next.fencingNumber).toBe(1);
    await lost(held);
    await held.release();
    expect(next.signal.aborted).toBe(false);
    expect(await lock.acquire(key)).toBe(null);
  });

  it("flushed while a lock is held, lets two hold it until the first one's next extension, and no longer", async () => {
    await redis.start();
    const [{ lock }, { lock: other }] = [connect(), connect()];
    const held = await hold(lock, { ttlMs: 3_000 });
    await redis.command("FLUSHALL");
    const next = await hold(other, { ttlMs: 60_000 });
    await lost(held);
    expect(next.signal.aborted).toBe(false);
  });
});

describe("a Redis that is stopped", () => {
  it("for less than the time of a lock, loses none", async () => {
    await redis.start();
    const { lock } = connect();
    const { lock: other, client } = connect();
    const held = await hold(lock, { ttlMs: 8_000 });
    await redis.freeze();
    await unavailable(other);
    await redis.thaw();
    await ready(client);
    expect(await other.acquire(key, { waitMs: 9_000 })).toBe(null);
    expect(held.signal.aborted).toBe(false);
  });

  it("for longer, has lost it, and carries nothing out late that anybody waits for in vain", async () => {
    await redis.start();
    const { lock, client } = connect();
    const held = await hold(lock, { ttlMs: 1_500 });
    await redis.freeze();
    await lost(held);
    // Asked for while it cannot answer, for longer than anybody wants to wait.
    await unavailable(lock, { ttlMs: 600_000 });
    await redis.thaw();
    await ready(client);
    await expect.poll(async () => (await lock.acquire(key)) !== null, within).toBe(true);
  });
});

describe("a fail-over", () => {
  /** A master, and a replica that has not heard of what is written from now on. */
  async function startLaggingReplica(): Promise<PrivateRedis> {
    const replica = await startPrivateRedis();
    cleanUps.push(replica.remove);
    const link = await startTcpProxy({ host: "127.0.0.1", port: redis.port });
    cleanUps.push(link.close);
    await replica.command("REPLICAOF", "127.0.0.1", String(link.port));
    await expect.poll(() => replica.command("INFO", "replication"), within).toContain("master_link_status:up");
    link.setMode("black-hole");
    return replica;
  }

  it("to a replica that has not heard of the lock loses it: the holder is told, and another has it", async () => {
    await redis.start();
    const { proxy, target } = await startSwitch();
    const replica = await startLaggingReplica();
    const [{ lock, client }, { lock: other, client: otherClient }] = [connect(proxy.port), connect(proxy.port)];
    const held = await hold(lock, { ttlMs: 6_000 });
    await redis.kill();
    await replica.command("REPLICAOF", "NO", "ONE");
    target.port = replica.port;
    await Promise.all([ready(client), ready(otherClient)]);
    const next = await hold(other, { ttlMs: 60_000 });
    await lost(held);
    expect(next.signal.aborted).toBe(false);
  });

  it("that leaves the client on the old master is noticed by it: it goes to the new one", async () => {
    await redis.start();
    const { proxy, target } = await startSwitch();
    const successor = await startPrivateRedis();
    cleanUps.push(successor.remove);
    const { lock, client } = connect(proxy.port);
    await ready(client);
    target.port = successor.port;
    await redis.command("REPLICAOF", "127.0.0.1", String(successor.port));
    expect(String(await unavailable(lock))).toContain("READONLY");
    await expect.poll(() => lock.acquire(key).catch(() => null), within).not.toBe(null);
    expect(await successor.command("EXISTS", lockKey)).toBe(1);
  });
});

describe("a request that is cut off in flight", () => {
  it("was carried out, is not repeated, and leaves no lock behind", async () => {
    await redis.start();
    const { proxy } = await startSwitch();
    const { lock, client } = connect(proxy.port);
    await ready(client);
    proxy.setMode("hold-answers");
    const acquiring = unavailable(lock, { ttlMs: 600_000 });
    await expect.poll(() => redis.command("EXISTS", lockKey), within).toBe(1);
    proxy.setMode("pass");
    proxy.cut();
    await acquiring;
    await ready(client);
    await expect.poll(() => redis.command("EXISTS", lockKey), within).toBe(0);
    expect(await redis.command("GET", fencingKey)).toBe("1");
  });

  it("and that was to extend a lock is made up for by the next one", async () => {
    await redis.start();
    const { proxy } = await startSwitch();
    const { lock } = connect(proxy.port);
    const held = await hold(lock, { ttlMs: 6_000 });
    proxy.setMode("hold-answers");
    await expect.poll(async () => Number(await redis.command("PTTL", lockKey)) < 4_500, within).toBe(true);
    proxy.cut();
    proxy.setMode("pass");
    expect(await connect().lock.acquire(key, { waitMs: 8_000 })).toBe(null);
    expect(held.signal.aborted).toBe(false);
  });
});

describe("processes", () => {
  it("that are paused past the time of their lock know on waking that it is lost, and do the next holder no harm", async () => {
    await redis.start();
    const paused = startProcess("holding-process.mjs", redis.url, keyPrefix, key, "1500");
    cleanUps.push(() => paused.child.kill("SIGKILL"));
    await paused.printed(/^held$/m);
    paused.child.kill("SIGSTOP");
    const { lock } = connect();
    const next = await hold(lock, { ttlMs: 60_000, waitMs: 20_000 });
    paused.child.kill("SIGCONT");
    await paused.printed(/^lost: LOCK\.LOST$/m);
    expect(await paused.ended).toBe(0);
    expect(next.signal.aborted).toBe(false);
    expect(await redis.command("EXISTS", lockKey)).toBe(1);
  });

  it("that are killed leave their lock to its time, and no longer", async () => {
    await redis.start();
    const killed = startProcess("holding-process.mjs", redis.url, keyPrefix, key, "1500");
    await killed.printed(/^held$/m);
    killed.child.kill("SIGKILL");
    const { lock } = connect();
    await hold(lock, { waitMs: 20_000 });
  });

  it("that want a lock two hundred times have it one at a time, in the order of their fencing numbers", async () => {
    await redis.start();
    const folder = mkdtempSync(join(tmpdir(), "omni-box-turns-"));
    cleanUps.push(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "turns");
    writeFileSync(file, "");
    const start = () => startProcess("contending-process.mjs", redis.url, keyPrefix, key, "100", file);
    const processes = [start(), start()];
    for (const { child } of processes) cleanUps.push(() => child.kill("SIGKILL"));
    expect(await Promise.all(processes.map(({ ended }) => ended))).toEqual([0, 0]);
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    expect(lines).toHaveLength(400);
    const numbers = lines.map((line, index) => {
      const [direction, pid, fencingNumber] = line.split(" ");
      expect(direction).toBe(index % 2 === 0 ? "in" : "out");
      if (direction === "out") expect(lines[index - 1]).toBe(`in ${pid} ${fencingNumber}`);
      return Number(fencingNumber);
    });
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  }, 120_000);
});

describe("a client with ioredis's own options", () => {
  it("is warned of once, and makes a lock that is slower to recover but no less bounded", async () => {
    const client = new Redis(redis.port, "127.0.0.1");
    client.on("error", () => undefined);
    cleanUps.push(() => client.disconnect());
    const warned = createRecordingLogger();
    const lock = createRedisLock({ client, keyPrefix, logger: warned });
    expect(warned.lines).toEqual([
      {
        level: "warn",
        message: expect.stringContaining("new Redis(url, redisClientOptions)"),
        fields: {
          problems: [
            expect.stringContaining("enableOfflineQueue"),
            expect.stringContaining("autoResendUnfulfilledCommands"),
            expect.stringContaining("maxRetriesPerRequest"),
            expect.stringContaining("commandTimeout"),
          ],
        },
      },
    ]);
    await unavailable(lock, { ttlMs: 600_000 });
    await redis.start();
    await ready(client);
    // What had waited in the client's queue was carried out in its order: taken, and given back.
    await expect.poll(() => redis.command("EXISTS", lockKey), within).toBe(0);
    await hold(lock);
  });
});

describe("what is said", () => {
  it("in logs and errors holds no key, no prefix and no token", async () => {
    const { lock, client } = connect();
    const errors = [await unavailable(lock)];
    await redis.start();
    await ready(client);
    await redis.command("SET", fencingKey, "not a number");
    errors.push(await unavailable(lock));
    await redis.command("DEL", fencingKey);
    await redis.command("LPUSH", lockKey, "no lock");
    errors.push(await unavailable(lock));
    await redis.command("DEL", lockKey);
    const held = await hold(lock, { ttlMs: 1_500 });
    await redis.freeze();
    await lost(held);
    errors.push(held.signal.reason, await unavailable(lock));
    await redis.thaw();
    await redis.command("CONFIG", "SET", "requirepass", "letmein");
    errors.push(await unavailable(connect().lock));
    const said = JSON.stringify([logger.lines, errors.map((error) => [String(error), error])]);
    expect(logger.lines.map(({ message }) => message)).toEqual(
      expect.arrayContaining([expect.stringMatching(/could not be extended/), expect.stringMatching(/was lost/)]),
    );
    for (const word of ["(ERR)", "(WRONGTYPE)", "LOCK.LOST", "did not answer"]) expect(said).toContain(word);
    for (const secret of [key, keyPrefix, "letmein"]) expect(said).not.toContain(secret);
    expect(said).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/);
  });
});
