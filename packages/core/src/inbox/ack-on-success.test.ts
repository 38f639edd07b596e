import { describe, expect, it } from "vitest";
import { createInboxFixture, type FixtureHandler, type InboxFixtureOptions } from "../../test/inbox-fixture.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { PermanentError } from "../errors/permanent-error.js";

function onSuccessFixture(options: InboxFixtureOptions = {}, handler?: FixtureHandler) {
  return createInboxFixture({ ack: "atLeastOnce", commitPolicy: "onSuccess", ...options }, handler);
}

describe("at least once, on success", () => {
  it("acknowledges after the handler's transaction, which holds no row, so that a repetition is handled again", async () => {
    const { consumer, send, effects, rows, results, ready, breathe, settle } = onSuccessFixture();
    await settle(consumer.start());
    send("m-1");
    await breathe();
    send("m-1");
    await breathe();
    expect([effects, rows(), ready()]).toEqual([["m-1", "m-1"], [], 0]);
    expect(results).toMatchObject(new Array(2).fill({ committed: true, processed: true, eventId: null }));
  });

  it("puts a message back when its handler has failed and its backoff is over", async () => {
    const attempts: number[] = [];
    const fixture = onSuccessFixture({ retry: { delayMs: () => 5_000 } }, (_event, { attempt }) => {
      attempts.push(attempt);
      if (attempts.length === 1) throw new Error("not yet");
    });
    const { consumer, clock, send, effects, results, rows, breathe, settle } = fixture;
    await settle(consumer.start());
    send("m-1");
    await breathe();
    await clock.advance(4_999);
    expect([results, effects]).toEqual([[], []]);
    await clock.advance(1);
    await breathe();
    expect([attempts, effects, rows()]).toEqual([[1, 2], ["m-1"], []]);
    expect(results).toMatchObject([
      { committed: false, processed: false, failure: { message: "not yet" } },
      { committed: true, processed: true },
    ]);
    expect(consumer.metrics()).toMatchObject({ retried: 1, processed: 1 });
  });

  it.each([
    ["with a broker that counts deliveries", true],
    ["with one that does not", false],
  ])("stores a message as failed when its attempts are used up, %s", async (_name, countsDeliveries) => {
    const fixture = onSuccessFixture({ maxAttempts: 3, broker: { countsDeliveries } }, () => {
      throw new Error("always");
    });
    const { consumer, send, begun, rows, results, ready, settle, until } = fixture;
    await settle(consumer.start());
    send("m-1");
    await until(() => rows().length > 0, 1_000);
    expect(begun).toHaveLength(3);
    expect(rows()).toEqual([{ messageId: "m-1", status: "failed", attemptsMade: 3 }]);
    expect([results.at(-1)?.committed, ready()]).toEqual([true, 0]);
  });

  it("keeps a message in hand that a step puts off, for as long as the step says", async () => {
    const askedAt: number[] = [];
    const fixture = onSuccessFixture({
      steps: [
        async (_event, { clock }, next) => {
          askedAt.push(clock.monotonicMs());
          return askedAt.length > 1 ? next() : { kind: "release", reason: "not its turn", delayMs: 5_000 };
        },
      ],
    });
    const { consumer, send, effects, settle, until } = fixture;
    await settle(consumer.start());
    send("m-1");
    await until(() => effects.length > 0);
    expect((askedAt[1] ?? 0) - (askedAt[0] ?? 0)).toBe(5_000);
    expect(consumer.metrics()).toMatchObject({ processed: 1, requeued: 0 });
  });

  it("stores a permanent failure as failed at once", async () => {
    const { consumer, send, rows, ready, breathe, settle } = onSuccessFixture({}, () => {
      throw new PermanentError("never");
    });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect([rows(), ready()]).toEqual([[{ messageId: "m-1", status: "failed", attemptsMade: 1 }], 0]);
  });

  it("leaves a message to the processor, as a suspect, that the broker has delivered too often", async () => {
    const never = () => new Promise<never>(() => undefined);
    const fixture = onSuccessFixture({ maxAttempts: 1, processor: false }, never);
    const { consumer, consumerWith, repository, send, begun, cutOff, breathe, settle } = fixture;
    await settle(consumer.start());
    send("m-1");
    await breathe();
    cutOff(consumer);
    await settle(consumerWith().start());
    await breathe();
    expect(begun).toHaveLength(1);
    expect(repository.all()).toMatchObject([{ status: "pending", startedAttempts: 1, attemptsMade: 0 }]);
  });

  it("never fails a message that was not begun, however often stops have given it back", async () => {
    const fixture = onSuccessFixture({ processor: false, concurrency: 1 }, ({ messageId }) =>
      messageId === "slow" ? new Promise<never>(() => undefined) : undefined,
    );
    const { consumerWith, send, begun, repository, breathe, settle } = fixture;
    send("slow");
    send("innocent");
    for (let stops = 0; stops < 11; stops += 1) {
      const consumer = consumerWith({ stopTimeoutMs: 0 });
      await settle(consumer.start());
      await breathe();
      await settle(consumer.stop());
      await breathe();
    }
    expect(begun).not.toContain("innocent");
    expect(repository.all()).toMatchObject(
      new Array(2).fill({ status: "pending", startedAttempts: 1, attemptsMade: 0, lastError: null }),
    );
  });

  it("keeps in hand what a handler defers, since a redelivery would count", async () => {
    let calls = 0;
    const { consumer, send, effects, results, settle, until } = onSuccessFixture({ maxAttempts: 1 }, () => {
      calls += 1;
      if (calls < 5) throw new OmniBoxError("BROKER.UNREACHABLE", "away");
    });
    await settle(consumer.start());
    send("m-1");
    await until(() => effects.length > 0, 500);
    expect(results).toMatchObject([{ committed: true, processed: true }]);
  });

  it("gives back at once what backs off when it is stopped", async () => {
    const { consumer, clock, send, ready, breathe, settle } = onSuccessFixture(
      { retry: { delayMs: () => 200_000 } },
      () => {
        throw new Error("no");
      },
    );
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect(await settle(consumer.stop())).toEqual({ clean: true, abandoned: 0 });
    expect([ready(), clock.pendingTimers]).toEqual([1, 0]);
  });
});
