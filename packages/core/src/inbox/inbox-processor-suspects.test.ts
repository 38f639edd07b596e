import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { createInboxProcessorFixture, forEver, inboxRow } from "../../test/inbox-processor-fixture.js";
import { OmniBoxError } from "../errors/omni-box-error.js";

type Fixture = ReturnType<typeof createInboxProcessorFixture>;

/** Starts a process that dies of the message "poison", and takes what it had in work with it. */
function mortalProcess(
  { process, after }: Fixture,
  kills = Number.POSITIVE_INFINITY,
  handleOthers: (id: string) => Promise<void> = () => after(5),
) {
  const begun: string[] = [];
  const atWork = new Set<string>();
  /** What was at work beside the poison at each of its starts. */
  const besidePoison: string[][] = [];
  let deaths = 0;
  function start() {
    atWork.clear();
    const died = createGate();
    const worker = process(
      async (id) => {
        begun.push(id);
        if (id === "poison") besidePoison.push([...atWork]);
        atWork.add(id);
        if (id === "poison" && deaths < kills) {
          deaths += 1;
          worker.repository.kill();
          died.open();
          return forEver();
        }
        await handleOthers(id).finally(() => atWork.delete(id));
      },
      { leaseMs: 2_000 },
    );
    void worker.processor.start();
    return { ...worker, died: died.opened };
  }
  return { start, begun, besidePoison, deaths: () => deaths };
}

/** Restarts the process whenever it has died, for that long. */
async function keepAlive(fixture: Fixture, mortal: ReturnType<typeof mortalProcess>, ms: number) {
  let worker = mortal.start();
  let known = 0;
  for (let passed = 0; passed < ms; passed += 100) {
    await fixture.clock.advance(100);
    if (mortal.deaths() === known) continue;
    known = mortal.deaths();
    worker = mortal.start();
  }
  return worker;
}

describe("an event that kills its process", () => {
  it("is failed after three lone starts, and its neighbours are neither failed nor handled twice", async () => {
    const fixture = createInboxProcessorFixture();
    const innocents = Array.from({ length: 20 }, (_, index) => `m${index}`);
    await fixture.store(...innocents.slice(0, 10), "poison", ...innocents.slice(10));
    const mortal = mortalProcess(fixture);
    const survivor = await keepAlive(fixture, mortal, 60_000);
    expect(mortal.deaths()).toBe(4);
    // The first start was among others; the three that count were alone.
    expect(mortal.besidePoison.map((others) => others.length > 0)).toEqual([true, false, false, false]);
    expect(fixture.row("poison")).toMatchObject({
      status: "failed",
      lastError: expect.stringMatching(/^INBOX\.CRASHED: .*3 lone starts/),
    });
    expect([...fixture.effects].sort()).toEqual([...innocents].sort());
    expect(fixture.inbox.all().filter(({ status }) => status === "failed")).toHaveLength(1);
    expect(survivor.processor.metrics()).toMatchObject({ failed: 1, crashed: 1 });
    await survivor.processor.stop();
  });

  it("is handled when it kills less often than that, and is no suspect any more", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store("m1", "poison", "m2");
    const mortal = mortalProcess(fixture, 3);
    const survivor = await keepAlive(fixture, mortal, 60_000);
    expect([...fixture.effects].sort()).toEqual(["m1", "m2", "poison"]);
    expect(fixture.row("poison")).toMatchObject({ status: "completed", startedAttempts: 0, attemptsMade: 0 });
    await survivor.processor.stop();
  });

  it("is not what a neighbour is failed for whose handler throws in the lone starts before it", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store("flaky", "poison", "m2");
    let calls = 0;
    const mortal = mortalProcess(fixture, undefined, async (id) => {
      calls += id === "flaky" ? 1 : 0;
      if (id === "flaky" && calls <= 5) throw new Error("not yet");
    });
    const survivor = await keepAlive(fixture, mortal, 120_000);
    expect(fixture.row("poison").lastError).toMatch(/^INBOX\.CRASHED/);
    expect(fixture.row("flaky")).toMatchObject({ status: "completed", startedAttempts: 0 });
    expect(calls).toBe(6);
    await survivor.processor.stop();
  });

  it("is failed also when each of its deaths is followed by a stop that releases it unbegun", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store("poison");
    let deaths = 0;
    for (let cycle = 0; cycle < 8; cycle += 1) {
      const mortal = fixture.process(
        async (id) => {
          if (id !== "poison") return;
          deaths += 1;
          mortal.repository.kill();
          await forEver();
        },
        { leaseMs: 2_000 },
      );
      await mortal.processor.start();
      await fixture.clock.advance(2_500);
      await fixture.store(`long-${cycle}`);
      const gate = createGate();
      const stopped = fixture.process(() => gate.opened, { leaseMs: 2_000 });
      await stopped.processor.start();
      await fixture.breathe();
      const stopping = stopped.processor.stop();
      gate.open();
      await fixture.settle(stopping);
    }
    expect(fixture.row("poison").lastError).toMatch(/^INBOX\.CRASHED/);
    expect(deaths).toBe(4);
  });

  it("does not fail a neighbour when the process is killed over and over for other reasons", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store("m1", "m2", "m3");
    for (let kill = 0; kill < 3; kill += 1) {
      const worker = fixture.process(() => fixture.after(100), { leaseMs: 1_000, concurrency: 3 });
      await worker.processor.start();
      await fixture.clock.advance(20);
      worker.repository.kill();
      await fixture.clock.advance(2_000);
    }
    const { processor } = fixture.process();
    await processor.start();
    await fixture.settle(processor.drain());
    expect([...fixture.effects].sort()).toEqual(["m1", "m2", "m3"]);
    await processor.stop();
  });
});

describe("suspects in an inbox processor", () => {
  it("come after the others of their batch, each alone, its start counted before its work begins", async () => {
    const { process, store, inbox, row, clock, after, effects } = createInboxProcessorFixture();
    await store(
      inboxRow("s1", { startedAttempts: 1 }),
      "a",
      inboxRow("s2", { startedAttempts: 2 }),
      "b",
      "c",
      inboxRow("s3", { startedAttempts: 3 }),
    );
    const atWork = new Set<string>();
    const beside = new Map<string, readonly string[]>();
    const starts = new Map<string, number>();
    const { processor } = process(
      async (id) => {
        beside.set(id, [...atWork]);
        starts.set(id, row(id).startedAttempts);
        atWork.add(id);
        await after(3_000);
        atWork.delete(id);
      },
      // Each handler outlives the lease: the heartbeat holds those that wait.
      { leaseMs: 1_000, batchSize: 6 },
    );
    await processor.start();
    await clock.advance(20);
    await store("later");
    await clock.advance(20_000);
    expect([...beside.keys()].slice(0, 6)).toEqual(["a", "b", "c", "s1", "s2", "s3"]);
    for (const id of ["s1", "s2", "s3", "later"]) expect([id, beside.get(id)]).toEqual([id, []]);
    expect([starts.get("s1"), starts.get("s2"), starts.get("s3"), starts.get("a")]).toEqual([2, 3, 4, 0]);
    expect(effects).toHaveLength(7);
    expect(inbox.all().every((event) => event.status === "completed" && event.startedAttempts === 0)).toBe(true);
    expect(processor.metrics()).toMatchObject({ claimed: 7, completed: 7, leasesLost: 0 });
    await processor.stop();
  });

  it("are not begun when the processor is stopping, but released", async () => {
    const { process, store, row, breathe, settle } = createInboxProcessorFixture();
    await store("a", inboxRow("s", { startedAttempts: 2 }));
    const gate = createGate();
    const begun: string[] = [];
    const { processor, repository } = process(async (id) => {
      begun.push(id);
      await gate.opened;
    });
    await processor.start();
    await breathe();
    const stopping = processor.stop();
    gate.open();
    expect(await settle(stopping)).toEqual({ clean: true, abandoned: 0 });
    expect(begun).toEqual(["a"]);
    expect(repository.statements).not.toContain("recordStarted");
    expect(row("s")).toMatchObject({ status: "pending", lease: null, startedAttempts: 2 });
  });

  it("are not begun when a stop comes while their start is being counted", async () => {
    const { process, store, row, breathe, settle } = createInboxProcessorFixture();
    await store(inboxRow("s", { startedAttempts: 1 }));
    const begun: string[] = [];
    const { processor, repository } = process(async (id) => void begun.push(id));
    const gate = createGate();
    repository.onNext("recordStarted", async (carryOut) => {
      const answer = await carryOut();
      await gate.opened;
      return answer;
    });
    await processor.start();
    await breathe();
    const stopping = processor.stop();
    gate.open();
    expect(await settle(stopping)).toMatchObject({ clean: true });
    expect(begun).toEqual([]);
    expect(row("s")).toMatchObject({ lease: null, startedAttempts: 1 });
  });

  it("are not begun when their start cannot be counted", async () => {
    const { process, store, effects, clock, row, inbox } = createInboxProcessorFixture();
    await store(inboxRow("s", { startedAttempts: 1 }));
    const begun: string[] = [];
    const { processor, repository } = process(async (id) => void begun.push(id));
    repository.onNext("recordStarted", async (carryOut) => {
      await inbox.forceUnlock(row("s").id, "by hand");
      return carryOut();
    });
    await processor.start();
    await clock.advance(5);
    expect(begun).toEqual([]);
    expect(processor.metrics().leasesLost).toBe(1);
    await clock.advance(60_000);
    expect(effects).toEqual(["s"]);
    await processor.stop();
  });

  it("are no nearer to their end when stops give up waiting for their handlers", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store(inboxRow("slow", { startedAttempts: 1 }));
    let begun = 0;
    for (let deploy = 0; deploy < 6; deploy += 1) {
      const handle = async () => {
        begun += 1;
        await forEver();
      };
      const { processor, repository } = fixture.process(handle, { leaseMs: 2_000, stopTimeoutMs: 1_000 });
      // The stop waits for the start to be taken back.
      repository.onNext("recordStarted", (carryOut) => carryOut());
      repository.onNext("recordStarted", async (carryOut) => {
        await fixture.after(500);
        return carryOut();
      });
      await processor.start();
      await fixture.clock.advance(3_000);
      expect(await fixture.settle(processor.stop())).toEqual({ clean: false, abandoned: 1 });
      expect(fixture.row("slow")).toMatchObject({ status: "pending", startedAttempts: 1 });
      await fixture.clock.advance(3_000);
    }
    expect(begun).toBe(6);
  });

  it("have their outcomes recorded without waiting for one another", async () => {
    const { process, store, row, clock, settle } = createInboxProcessorFixture();
    await store(inboxRow("s1", { startedAttempts: 1 }), inboxRow("s2", { startedAttempts: 1 }));
    const gate = createGate();
    const { processor } = process(
      async (id) => {
        if (id === "s1") throw new Error("not yet");
        await gate.opened;
      },
      { retry: { delayMs: () => 60_000 } },
    );
    await processor.start();
    await clock.advance(100);
    expect(row("s1")).toMatchObject({ attemptsMade: 1, startedAttempts: 0, lease: null });
    expect(row("s2")).toMatchObject({ attemptsMade: 0, startedAttempts: 2 });
    const stopping = processor.stop();
    gate.open();
    await settle(stopping);
  });

  it("go on when the start that they survived cannot be taken back", async () => {
    const { process, store, row, clock } = createInboxProcessorFixture();
    await store(inboxRow("s", { startedAttempts: 1 }));
    let calls = 0;
    const { processor, repository } = process(async () => {
      calls += 1;
      if (calls === 1) throw new Error("not yet");
    });
    repository.onNext("recordStarted", (carryOut) => carryOut());
    repository.failNext("recordStarted", new OmniBoxError("STORE.UNREACHABLE", "no connection"));
    await processor.start();
    await clock.advance(60_000);
    expect(row("s")).toMatchObject({ status: "completed", attemptsMade: 1 });
    await processor.stop();
  });

  it.each(["STORE.ACCESS_DENIED", "STORE.UNREACHABLE"] as const)(
    "wait unbegun, with their mark, while their start meets %s",
    async (code) => {
      const { process, store, row, effects, clock } = createInboxProcessorFixture();
      await store(inboxRow("s", { startedAttempts: 3 }));
      const { processor, repository } = process();
      repository.failNext("recordStarted", new OmniBoxError(code, "the password was changed"), 3);
      await processor.start();
      await clock.advance(10);
      expect(row("s")).toMatchObject({ status: "pending", lease: null, startedAttempts: 3, attemptsMade: 0 });
      expect(processor.health().status).toBe("degraded");
      await clock.advance(60_000);
      expect(effects).toEqual(["s"]);
      expect(processor.health().status).toBe("healthy");
      await processor.stop();
    },
  );

  it("that were started alone often enough are failed without being begun", async () => {
    const { process, store, row, settle } = createInboxProcessorFixture();
    await store(inboxRow("s", { startedAttempts: 4 }));
    const begun: string[] = [];
    const { processor } = process(async (id) => void begun.push(id));
    await processor.start();
    await settle(processor.drain());
    expect(begun).toEqual([]);
    expect(row("s")).toMatchObject({ status: "failed", startedAttempts: 0 });
    await processor.stop();
  });
});
