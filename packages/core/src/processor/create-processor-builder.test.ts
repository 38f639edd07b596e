import { describe, expect, it } from "vitest";
import { observeRepository } from "../../test/observed-repository.js";
import { sampleDrafts, storeEvents } from "../../test/sample-events.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { outcome } from "../pipeline/outcome.js";
import type { EventHandler } from "../pipeline/step.js";
import type { RepositoryCapabilities } from "../protocols/event-repository.js";
import { bulkCommit } from "./bulk-commit.js";
import { createProcessorBuilder } from "./create-processor-builder.js";
import { leased } from "./leased.js";
import { optimistic } from "./optimistic.js";
import { singleCommit } from "./single-commit.js";

const handler: EventHandler<OutboxEvent> = {
  name: "theHandler",
  requiredLeaseMs: 10_000,
  handle: async () => outcome.completed(),
};

function builderOver(capabilities: Partial<RepositoryCapabilities> = {}) {
  const repository = observeRepository();
  const limited = { ...repository, capabilities: { ...repository.capabilities, ...capabilities } };
  return { repository, builder: createProcessorBuilder<OutboxEvent>(limited) };
}

describe("createProcessorBuilder", () => {
  it("refuses to build without a handler", () => {
    expect(() => builderOver().builder.build()).toThrow(
      "createProcessorBuilder: 1 problem: handler: expected an event handler (an object with handle): call handle(…) before build()",
    );
  });

  it("refuses a handler that may take more than half of the lease", () => {
    const { builder } = builderOver();
    builder.handle(handler).fetch(leased({ leaseMs: 19_999 }));
    expect(() => builder.build()).toThrow(
      /theHandler may take 10000 ms, .*at most half of the lease of leased \(19999 ms\)$/,
    );
    builder.fetch(leased({ leaseMs: 20_000 }));
    expect(() => builder.build()).not.toThrow();
  });

  it("refuses strategies that ask more than the repository can do, all at once, when it builds", () => {
    const { builder } = builderOver({ leasedClaim: false, bulkOutcomes: false, keyHeads: false });
    builder.handle(handler).fetch(leased()).commit(bulkCommit());
    expect(() => builder.build()).toThrow(
      /^CONFIG\.UNSUPPORTED_CAPABILITY: .*: leased needs "leasedClaim"; bulkCommit needs "bulkOutcomes"\. Use optimistic\(\) and singleCommit\(\)/,
    );
  });

  it("works with a repository that can do nothing special", async () => {
    const { repository, builder } = builderOver({ leasedClaim: false, bulkOutcomes: false, keyHeads: false });
    await storeEvents(repository, sampleDrafts(2));
    repository.forgetCalls();
    const processor = builder.handle(handler).fetch(optimistic()).commit(singleCommit()).build();
    await processor.processBatch({ workerId: "w", batchSize: 10 });
    expect(repository.statements).toEqual(["findDue", "lock", "lock", "recordCompleted", "recordCompleted"]);
  });

  it("chooses the commit by what the repository can do, when none is named", async () => {
    for (const [bulkOutcomes, statements] of [
      [true, 1],
      [false, 2],
    ] as const) {
      const { repository, builder } = builderOver({ bulkOutcomes });
      await storeEvents(repository, sampleDrafts(2));
      repository.forgetCalls();
      await builder.handle(handler).build().processBatch({ workerId: "w", batchSize: 10 });
      expect(repository.statements.filter((method) => method === "recordCompleted")).toHaveLength(statements);
    }
  });

  it("is not bound to what it has built: later steps change only later processors", async () => {
    const { repository, builder } = builderOver();
    const first = builder.handle(handler).build();
    const second = builder.use(async () => outcome.release("not now")).build();
    await storeEvents(repository, sampleDrafts(1));
    const request = { workerId: "w", batchSize: 10 };
    expect((await second.processBatch(request)).counts.release).toBe(1);
    expect((await first.processBatch(request)).counts.completed).toBe(1);
  });

  it("takes a handler that is longer than the lease only with a heartbeat", () => {
    const { builder } = builderOver();
    builder.handle({ ...handler, requiredLeaseMs: 60_000 });
    expect(() => builder.fetch(leased()).build()).toThrow(/may take 60000 ms, which must be at most half of the lease/);
    expect(() => builder.fetch(leased({ heartbeat: true })).build()).not.toThrow();
  });

  it.each([undefined, null, {}, "repository"])("refuses %j in place of a repository", (repository) => {
    expect(() => createProcessorBuilder(repository as never)).toThrow(
      /^CONFIG\.INVALID_OPTIONS: createProcessorBuilder: /,
    );
  });

  it("lists everything that cannot be part of a processor", () => {
    const { builder } = builderOver();
    builder
      .fetch({} as never)
      .use("step" as never)
      .handle({ name: "x" } as never)
      .commit(1 as never)
      .retry({} as never)
      .clock({} as never)
      .logger({} as never);
    expect(() => builder.build()).toThrow(
      /createProcessorBuilder: 7 problems: fetch: .*; commit: .*; steps\.0: .*; handler: .*; retryPolicy: .*; clock: .*; logger: /,
    );
  });
});
