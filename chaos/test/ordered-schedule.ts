import { setTimeout as pause } from "node:timers/promises";
import { OmniBoxError, type OutboxEvent, type OutboxRelay, type Outcome, outcome, type Step } from "@omni-box/core";
import { startTcpProxy, type TcpProxy } from "../../packages/rabbitmq/test/tcp-proxy.js";
import { type Database, openDatabase } from "../src/open-database.js";
import { createOwnedRelay } from "../src/owned-relay.js";
import { databaseUrl } from "./chaos-scene.js";
import type { OrderedScene } from "./ordered-scene.js";
import { createRecordingLogger } from "./recording-logger.js";

/** One relay in this process, with connections of its own. */
interface Relay {
  readonly relay: OutboxRelay;
  readonly database: Database;
  readonly store: TcpProxy;
  readonly broker: TcpProxy;
  /** What the next events get instead of being published. */
  readonly refusals: Outcome[];
  /** Where every third of its events waits before it is published, and afterwards. */
  readonly before: Stall;
  readonly after: Stall;
  /** Calls of `start` and `stop`, which nobody has waited for. */
  readonly calls: Promise<void>[];
}

/** A place where a relay's events wait. */
interface Stall {
  begin(): void;
  end(): void;
  pass(): Promise<void>;
}

/** What may happen to one relay. None waits until it has happened. */
export const happenings = {
  nothing() {},
  start({ relay, calls }: Relay) {
    calls.push(relay.start().then(ignore, ignore));
  },
  stop({ relay, calls }: Relay) {
    calls.push(relay.stop().then(ignore));
  },
  /** Events wait before they are published, past the lease if nothing else happens; others of their batch go on. */
  stall({ before }: Relay) {
    before.begin();
  },
  /** Events wait when they have been published, before their outcomes are known. */
  stallOutcomes({ after }: Relay) {
    after.begin();
  },
  goOn({ before, after }: Relay) {
    before.end();
    after.end();
  },
  /** Attempts that count, and back off. */
  refuse({ refusals }: Relay) {
    refusals.push(...threeTimes(outcome.retry(new OmniBoxError("BROKER.NACKED", "refused by the schedule"))));
  },
  /** As in an outage: nothing counts, and the relay tries one event at a time. */
  defer({ refusals }: Relay) {
    refusals.push(...threeTimes(outcome.defer(new OmniBoxError("BROKER.UNREACHABLE", "away, says the schedule"))));
  },
  release({ refusals }: Relay) {
    refusals.push(...threeTimes(outcome.release("not now, says the schedule")));
  },
  cutDatabase({ store }: Relay) {
    isolate(store);
  },
  cutBroker({ broker }: Relay) {
    isolate(broker);
  },
  mend({ store, broker }: Relay) {
    store.setMode("pass");
    broker.setMode("pass");
  },
  /** The answers of the database are late or lost: outcomes are recorded, and the relay does not know. */
  holdAnswers({ store }: Relay) {
    store.setMode("hold-answers");
  },
  /** The confirms of the broker are late or lost. */
  holdConfirms({ broker }: Relay) {
    broker.setMode("hold-answers");
  },
  /** All at once, and it never stops: to everyone else it is dead. */
  die({ store, broker }: Relay) {
    isolate(store);
    isolate(broker);
  },
} as const satisfies Readonly<Record<string, (relay: Relay) => void>>;

/** See {@link happenings}. */
export type Happening = keyof typeof happenings;

/** One step of a schedule. */
export interface ScheduleStep {
  readonly writes: readonly {
    /** Indexes of the scene's keys. */
    readonly keys: readonly number[];
    readonly rollsBack: boolean;
    /** Steps that the transaction stays open for. */
    readonly openFor: number;
  }[];
  readonly relay: number;
  readonly happening: Happening;
  readonly thenMs: number;
}

/** Relays to which things happen while events are written. */
export interface Schedule {
  step(step: ScheduleStep): Promise<void>;
  /** Ends every transaction and every fault, and lets all relays run. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

/** Starts the first relay; the others have yet to. */
export async function openSchedule(scene: OrderedScene, relayCount: number): Promise<Schedule> {
  const relays = await Promise.all(Array.from({ length: relayCount }, () => openRelay(scene)));
  let stepsDone = 0;
  const open: { readonly endsAfter: number; end(): void }[] = [];
  const transactions: Promise<void>[] = [];
  await relays[0]?.relay.start();

  return {
    async step({ writes, relay, happening, thenMs }) {
      stepsDone += 1;
      for (const write of open.filter(({ endsAfter }) => endsAfter <= stepsDone)) write.end();
      for (const { keys, rollsBack, openFor } of writes) {
        const until = new Promise<void>((end) => {
          if (openFor === 0) end();
          else open.push({ endsAfter: stepsDone + openFor, end });
        });
        const names = keys.map((key) => scene.keys[key] ?? "");
        transactions.push(scene.writer.write({ keys: names, rollsBack, until }));
      }
      const affected = relays[relay];
      if (affected !== undefined) happenings[happening](affected);
      await pause(thenMs);
    },
    async heal() {
      for (const { end } of open) end();
      await Promise.all(transactions);
      for (const relay of relays) mendAll(relay);
      await Promise.all(relays.flatMap(({ calls }) => calls));
      await Promise.all(relays.map(({ relay }) => relay.start()));
    },
    async close() {
      for (const { end } of open) end();
      await Promise.all(relays.map(closeRelay));
    },
  };
}

async function openRelay(scene: OrderedScene): Promise<Relay> {
  const store = await proxyTo(databaseUrl, 5432);
  const broker = await proxyTo(scene.amqpUrl, 5672);
  const database = openDatabase(store.url, scene.name, { maxConnections: 4, statementTimeoutMs: 1_500 });
  const [before, after] = [createStall(), createStall()];
  const refusals: Outcome[] = [];
  const step: Step<OutboxEvent> = async ({ seq }, _context, next) => {
    const waits = seq % 3n === 0n;
    if (waits) await before.pass();
    const given = refusals.shift() ?? (await next());
    if (waits) await after.pass();
    return given;
  };
  const times = { leaseMs: 1_000, takeoverGraceMs: 500, publishTimeoutMs: 400, heartbeatSeconds: 1 };
  const relay = createOwnedRelay(
    { database, amqpUrl: broker.url, exchange: scene.name, times },
    {
      steps: [step],
      batchSize: 10,
      batchesInFlight: 3,
      retry: { delayMs: () => 50 },
      stopTimeoutMs: 1_000,
      logger: createRecordingLogger(),
    },
  );
  return { relay, database, store: store.proxy, broker: broker.proxy, refusals, before, after, calls: [] };
}

function mendAll({ store, broker, before, after }: Relay): void {
  store.setMode("pass");
  broker.setMode("pass");
  before.end();
  after.end();
}

async function closeRelay(relay: Relay): Promise<void> {
  mendAll(relay);
  await relay.relay.stop();
  await relay.database.client.$disconnect();
  await Promise.all([relay.store.close(), relay.broker.close()]);
}

async function proxyTo(address: string, defaultPort: number): Promise<{ proxy: TcpProxy; url: string }> {
  const target = new URL(address);
  const proxy = await startTcpProxy({ host: target.hostname, port: Number(target.port || defaultPort) });
  target.host = `127.0.0.1:${proxy.port}`;
  return { proxy, url: target.href };
}

function threeTimes(given: Outcome): Outcome[] {
  return [given, given, given];
}

function isolate(proxy: TcpProxy): void {
  proxy.setMode("reset");
  proxy.cut();
}

function createStall(): Stall {
  let waiting: Promise<void> | undefined;
  let release: (() => void) | undefined;
  return {
    begin() {
      if (waiting !== undefined) return;
      waiting = new Promise((resolve) => {
        release = resolve;
      });
    },
    end() {
      release?.();
      waiting = undefined;
    },
    pass: async () => waiting,
  };
}

function ignore(): void {
  // A start that fails is one of the things that may happen.
}
