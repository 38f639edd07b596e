import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createGate } from "../../test/gate.js";
import { orderPlaced } from "../../test/order-placed.js";
import { sampleDraft } from "../../test/sample-events.js";
import { sampleInboxEvent } from "../../test/sample-inbox-event.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { silentAbort } from "../internal/silent-abort.js";
import type { Outbox } from "../outbox/create-outbox.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import { silentLogger } from "../protocols/logger.js";
import type { AddedEvent } from "../protocols/outbox-event-repository.js";
import { createEventRouter } from "../routing/create-event-router.js";
import type { HandlerAnswer } from "../routing/event-router.js";
import type { HandlerContext, HandlerOutbox } from "../routing/handler-context.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createMemoryOutbox } from "../testing/memory-outbox.js";
import { createPrepareHandling } from "./prepare-handling.js";

interface Given {
  readonly outbox?: Outbox<object> | null;
  readonly event?: InboxEvent;
  readonly signal?: AbortSignal;
}

const tx = { name: "the handler's transaction" };

/** Runs a handler for an event. */
async function handle(
  handler: (outbox: HandlerOutbox, context: HandlerContext<object>) => HandlerAnswer,
  { outbox = createMemoryOutbox(), event = sampleInboxEvent(), signal = silentAbort }: Given = {},
): Promise<Outcome> {
  const router = createEventRouter<object>().on({ type: "order.placed", topic: "orders" }, (_event, context) =>
    handler(context.outbox, context),
  );
  const parts = {
    dependencies: undefined,
    handlerTimeoutMs: 1_000,
    clock: createManualClock(),
    logger: silentLogger,
    olderEvents: "handle",
  } as const;
  const preparation = await createPrepareHandling({ ...parts, router, outbox })(event);
  if (preparation.kind !== "ready") throw new Error("not ready");
  return preparation.handling.run(tx, signal);
}

/** The ids of an event that a handler has added. */
async function idsOfAdded(
  event: Partial<InboxEvent>,
  add: (outbox: HandlerOutbox) => Promise<unknown> = (outbox) => outbox.add(sampleDraft()),
) {
  const outbox = createMemoryOutbox();
  await handle(async (bound) => void (await add(bound)), { outbox, event: sampleInboxEvent(event) });
  return outbox.added.map(({ correlationId, causationId }) => [correlationId, causationId]);
}

describe("the outbox of a handler", () => {
  it("adds to the handler's transaction, and says what was added", async () => {
    const add = vi.fn<Outbox<object>["add"]>(async () => [{ id: "1", seq: 1n, duplicate: false }]);
    const draft = sampleDraft();
    const answers: unknown[] = [];
    const publish = async (outbox: HandlerOutbox) =>
      void answers.push(await outbox.add([draft], { headers: { tenant: "t" } }));
    await handle(publish, { outbox: { add } });
    const ids = { correlationId: "message-1", causationId: "message-1" };
    expect(add.mock.calls).toEqual([[tx, [draft], { headers: { tenant: "t" }, ...ids }]]);
    expect(answers).toEqual([[{ id: "1", seq: 1n, duplicate: false }]]);
  });

  it("names the handled event as the cause, and goes on with its correlation", async () => {
    expect(await idsOfAdded({})).toEqual([["message-1", "message-1"]]);
    expect(await idsOfAdded({ correlationId: "c" })).toEqual([["c", "message-1"]]);
  });

  it("names the inbox's own id as the cause where the message's does not fit", async () => {
    const id = "0198c0de-0000-7000-8000-000000000001";
    expect(await idsOfAdded({ messageId: "x".repeat(64), id })).toEqual([["x".repeat(64), "x".repeat(64)]]);
    expect(await idsOfAdded({ messageId: "x".repeat(65), id })).toEqual([[id, id]]);
  });

  it("lets the options' ids win, and the event's own over those", async () => {
    const options = { correlationId: "of the call", causationId: "of the call" };
    const draft = () => sampleDraft({ correlationId: "of the event" });
    expect(await idsOfAdded({}, (outbox) => outbox.add(sampleDraft(), options))).toEqual([
      ["of the call", "of the call"],
    ]);
    expect(await idsOfAdded({}, (outbox) => outbox.add(draft(), options))).toEqual([["of the event", "of the call"]]);
    expect(await idsOfAdded({}, (outbox) => outbox.add(draft()))).toEqual([["of the event", "message-1"]]);
  });

  it("refuses what outbox.add refuses", async () => {
    for (const options of ["c", null, ["c"], { topic: "x" }]) {
      const adding = handle(async (outbox) => void (await outbox.add(sampleDraft(), options as never)));
      await expect(adding).rejects.toMatchObject({ code: "MESSAGE.INVALID_EVENT" });
    }
    const mismatch = orderPlaced("1").create({ aggregateId: "1", payload: { orderId: 1 as never } });
    await expect(handle(async (outbox) => void (await outbox.add(mismatch)))).rejects.toMatchObject({
      code: "MESSAGE.SCHEMA_MISMATCH",
    });
  });

  it("says what to do when the consumer has none", async () => {
    await expect(handle(async (outbox) => void (await outbox.add(sampleDraft())), { outbox: null })).rejects.toThrow(
      'CONFIG.INVALID_OPTIONS: context.outbox.add: 1 problem: the handler of "order.placed" publishes, but no outbox was ' +
        "given: pass outbox to the consumer or processor",
    );
  });
});

describe("the outbox of a handler that has ended", () => {
  const unhandled = vi.fn();
  beforeEach(() => void process.on("unhandledRejection", unhandled));
  afterEach(async () => {
    await nextTurn();
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    unhandled.mockReset();
  });

  it.each([
    ["completed", () => {}, silentAbort],
    ["thrown", () => Promise.reject(new Error("x")), silentAbort],
  ])("takes no more events when it has %s", async (_how, end, signal) => {
    let kept: HandlerOutbox | undefined;
    const memory = createMemoryOutbox();
    await handle(
      (outbox) => {
        kept = outbox;
        return end();
      },
      { outbox: memory, signal },
    ).catch(() => undefined);
    await expect(kept?.add(sampleDraft())).rejects.toMatchObject({
      code: "CONFIG.TRANSACTION_REQUIRED",
      message: expect.stringContaining("await everything that the handler starts"),
    });
    memory.expectNothingAdded();
  });

  it("takes no more events when it was given up", async () => {
    let kept: HandlerOutbox | undefined;
    const lease = new AbortController();
    const running = handle(
      (outbox) => {
        kept = outbox;
        lease.abort();
        return new Promise(() => {});
      },
      { signal: lease.signal },
    );
    await expect(running).rejects.toMatchObject({ code: "INBOX.LEASE_LOST" });
    await expect(kept?.add(sampleDraft())).rejects.toMatchObject({ code: "CONFIG.TRANSACTION_REQUIRED" });
  });

  /** An outbox whose `add` goes on after the handler has ended. */
  function slowOutbox(end: () => Promise<readonly AddedEvent[]>) {
    const gate = createGate();
    const outbox: Outbox<object> = { add: () => gate.opened.then(end) };
    return { outbox, gate };
  }

  it("waits for an add that the handler did not await, so that the commit cannot leave it out", async () => {
    const order: string[] = [];
    const { outbox, gate } = slowOutbox(async () => {
      order.push("added");
      return [];
    });
    const running = handle((bound) => void bound.add(sampleDraft()), { outbox });
    const settled = running.then(() => order.push("settled"));
    await nextTurn();
    gate.open();
    await settled;
    expect(order).toEqual(["added", "settled"]);
    expect(await running).toEqual(outcome.completed());
  });

  it("fails the attempt when such an add fails", async () => {
    const error = new Error("unique violation");
    const { outbox, gate } = slowOutbox(() => Promise.reject(error));
    const running = handle((bound) => void bound.add(sampleDraft()), { outbox });
    const rejected = expect(running).rejects.toBe(error);
    await nextTurn();
    gate.open();
    await rejected;
  });

  it("does not end the process over such an add when the handler has failed before", async () => {
    const { outbox, gate } = slowOutbox(() => Promise.reject(new Error("no transaction")));
    const error = new Error("x");
    const running = handle(
      (bound) => {
        void bound.add(sampleDraft());
        throw error;
      },
      { outbox },
    );
    await expect(running).rejects.toBe(error);
    gate.open();
  });
});

/** Resolves when the promises that can settle now have settled. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
