import { describe, expect, it } from "vitest";
import { observeRepository } from "../../test/observed-repository.js";
import { sampleDraft, sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import type { Clock } from "../protocols/clock.js";
import type { EventRepository, FetchFilters } from "../protocols/event-repository.js";
import type { Fence } from "../protocols/fence.js";
import { silentLogger } from "../protocols/logger.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import type { FetchRequest, FetchStrategy } from "./fetch-strategy.js";
import { filtered } from "./filtered.js";
import { leased } from "./leased.js";
import { optimistic } from "./optimistic.js";

function setUp() {
  const clock = createManualClock();
  const repository = observeRepository(createMemoryOutboxRepository({ clock }));
  return { clock, repository, request: { clock, limit: 10 } };
}

type Request = Omit<FetchRequest, "filters"> & { filters?: FetchFilters | undefined; clock: Clock };

/** What one worker fetches. */
function fetchWith(strategy: FetchStrategy, repository: EventRepository<OutboxEvent>, { clock, ...request }: Request) {
  return strategy.open(repository, { workerId: "w", clock, logger: silentLogger }).fetch(request);
}

const tokenOf = ({ fence }: { readonly fence: Fence }) => (fence.kind === "lease" ? fence.token : null);

describe.each([
  ["leased", leased],
  ["optimistic", optimistic],
])("%s", (name, strategy) => {
  it("leases due events in seq order, up to the limit, under a token of their own", async () => {
    const { clock, repository, request } = setUp();
    const stored = await storeEvents(repository, sampleDrafts(3));
    const first = await fetchWith(strategy(), repository, { ...request, limit: 2 });
    const second = await fetchWith(strategy(), repository, { ...request, limit: 2 });
    expect(first.events.map(({ seq }) => seq)).toEqual(stored.slice(0, 2).map(({ seq }) => seq));
    expect(second.events.map(({ seq }) => seq)).toEqual([stored[2]?.seq]);
    expect(tokenOf(first)).not.toBe(tokenOf(second));
    for (const { lease } of first.events) {
      const until = new Date(clock.now() + defaults.leaseMs);
      expect(lease).toEqual({ token: tokenOf(first), workerId: "w", until });
    }
  });

  it("answers with an empty batch when nothing is due", async () => {
    const { repository, request } = setUp();
    expect((await fetchWith(strategy(), repository, request)).events).toEqual([]);
  });

  it("counts its lease from before the statement was sent, not from its answer", async () => {
    const { clock, repository, request } = setUp();
    await storeEvents(repository, sampleDrafts(1));
    repository.onNext(name === "leased" ? "claim" : "findDue", async (carryOut) => {
      await clock.advance(700);
      return carryOut();
    });
    const { deadline } = await fetchWith(strategy({ leaseMs: 5_000 }), repository, request);
    expect(deadline.remainingMs()).toBe(4_300);
  });

  it("passes filters on, and none when there are none", async () => {
    const { repository, request } = setUp();
    await storeEvents(repository, [sampleDraft(), sampleDraft({ topic: "invoices" })]);
    const batch = await fetchWith(strategy(), repository, { ...request, filters: { topics: ["invoices"] } });
    expect(batch.events.map(({ topic }) => topic)).toEqual(["invoices"]);
    await fetchWith(strategy(), repository, request);
    expect(
      repository.calls.filter(({ method }) => method !== "lock" && method !== "add").at(-1)?.args[0],
    ).not.toHaveProperty("filters");
  });

  it("rejects as the repository does", async () => {
    const { repository, request } = setUp();
    const failure = new OmniBoxError("STORE.UNREACHABLE", "x");
    repository.failNext(name === "leased" ? "claim" : "findDue", failure);
    await expect(fetchWith(strategy(), repository, request)).rejects.toBe(failure);
  });

  it("says how long its lease is, and refuses one that is too short", () => {
    expect(strategy().leaseMs).toBe(defaults.leaseMs);
    expect(strategy({ leaseMs: 1_000 }).leaseMs).toBe(1_000);
    expect(() => strategy({ leaseMs: 999 })).toThrow(new RegExp(`${name}: 1 problem: leaseMs: .*>=1000, it is 999$`));
    expect(() => strategy({ leaseMS: 5_000 } as never)).toThrow(/unknown option "leaseMS"$/);
  });
});

describe("leased", () => {
  it("is one statement a batch", async () => {
    const { repository, request } = setUp();
    await storeEvents(repository, sampleDrafts(5));
    repository.forgetCalls();
    await fetchWith(leased(), repository, request);
    expect(repository.statements).toEqual(["claim"]);
    expect(leased().requires).toEqual(["leasedClaim"]);
  });

  it("asks for key heads only when told to, and says that it needs them", async () => {
    const { repository, request } = setUp();
    await fetchWith(leased(), repository, request);
    await fetchWith(leased({ keyHeadsOnly: true }), repository, request);
    const [first, second] = repository.calls.map(({ args }) => args[0]);
    expect(first).not.toHaveProperty("keyHeadsOnly");
    expect(second).toMatchObject({ keyHeadsOnly: true });
    expect(leased({ keyHeadsOnly: true }).requires).toEqual(["leasedClaim", "keyHeads"]);
  });
});

describe("optimistic", () => {
  it("leaves out what another worker leased in between", async () => {
    const { repository, request } = setUp();
    const [first, second] = await storeEvents(repository, sampleDrafts(2));
    repository.onNext("findDue", async (carryOut) => {
      const due = await carryOut();
      await repository.lock(first?.id ?? "", { token: "other", workerId: "other", leaseMs: 1_000 });
      return due;
    });
    const { events } = await fetchWith(optimistic(), repository, request);
    expect(events.map(({ id }) => id)).toEqual([second?.id]);
  });

  it("asks nothing special of a repository", () => {
    expect(optimistic().requires).toEqual([]);
  });

  it("leases no more when a third of the first lease is over, so that there is time for the work, and says that there is more", async () => {
    const { clock, repository, request } = setUp();
    await storeEvents(repository, sampleDrafts(10));
    for (let locks = 0; locks < 10; locks += 1) {
      repository.onNext("lock", async (carryOut) => {
        await clock.advance(2_000);
        return carryOut();
      });
    }
    const batch = await fetchWith(optimistic({ leaseMs: 30_000 }), repository, request);
    expect([batch.events.length, batch.hasMore, batch.deadline.remainingMs()]).toEqual([6, true, 18_000]);
  });

  it("works on what it has leased when a later lease fails", async () => {
    const { repository, request } = setUp();
    const [first] = await storeEvents(repository, sampleDrafts(3));
    repository.onNext("lock", (carryOut) => carryOut());
    repository.failNext("lock", new Error("the connection is gone"));
    const { events } = await fetchWith(optimistic(), repository, request);
    expect(events.map(({ id }) => id)).toEqual([first?.id]);
    repository.failNext("lock", new Error("the connection is gone"));
    await expect(fetchWith(optimistic(), repository, request)).rejects.toThrow("the connection is gone");
  });
});

describe("filtered", () => {
  async function fetchedTopics(strategy: ReturnType<typeof filtered>, topics?: readonly string[]) {
    const { repository, request } = setUp();
    await storeEvents(
      repository,
      ["a", "b", "c"].map((topic) => sampleDraft({ topic })),
    );
    const filters = topics && { topics };
    return (await fetchWith(strategy, repository, { ...request, filters })).events.map(({ topic }) => topic);
  }

  it("narrows a strategy", async () => {
    expect(await fetchedTopics(filtered(leased(), { topics: ["a", "c"] }))).toEqual(["a", "c"]);
    expect(await fetchedTopics(filtered(leased(), { types: ["other"] }))).toEqual([]);
    expect(await fetchedTopics(filtered(optimistic(), { aggregateTypes: ["order"] }))).toEqual(["a", "b", "c"]);
  });

  it("and the filters of a request both apply: what both name", async () => {
    const strategy = filtered(leased(), { topics: ["a", "b"] });
    expect(await fetchedTopics(strategy, ["b", "c"])).toEqual(["b"]);
    expect(await fetchedTopics(strategy, ["c"])).toEqual([]);
  });

  it("and another filter both apply, each to its own field", async () => {
    const twice = filtered(filtered(leased(), { topics: ["a", "b"] }), { topics: ["b", "c"] });
    expect(await fetchedTopics(twice)).toEqual(["b"]);
    const fields = filtered(filtered(leased(), { topics: ["a"] }), { types: ["order.placed"] });
    expect(await fetchedTopics(fields)).toEqual(["a"]);
  });

  it("has the lease and the needs of what it narrows", () => {
    const strategy = filtered(leased({ leaseMs: 5_000 }), { topics: ["a"] });
    expect(strategy).toMatchObject({ name: "filtered(leased)", leaseMs: 5_000, requires: ["leasedClaim"] });
  });

  it.each([{}, { topics: [] }, { topics: [""] }, { topics: "a" }, { topic: ["a"] }, { topics: undefined }])(
    "refuses %j, which would fetch nothing or is misspelt",
    (filters) => {
      expect(() => filtered(leased(), filters as never)).toThrow(/^CONFIG\.INVALID_OPTIONS: filtered: /);
    },
  );
});
