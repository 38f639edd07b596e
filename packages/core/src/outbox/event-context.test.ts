import { describe, expect, it } from "vitest";
import { sampleDraft } from "../../test/sample-events.js";
import { limits } from "../defaults.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { createOutbox } from "./create-outbox.js";
import type { EventContext } from "./event-context.js";

async function add(context: EventContext | undefined, own: object = {}, options: object | undefined = undefined) {
  const repository = createMemoryOutboxRepository({ onPublished: "keep" });
  const outbox = createOutbox({ repository, context: () => context });
  const draft = sampleDraft(own);
  await repository.transaction((tx) => outbox.add(tx, draft, options));
  const [stored] = repository.all();
  if (stored === undefined) throw new Error("nothing was stored");
  return { stored, draft };
}

describe("the context of an outbox", () => {
  it("goes along with the events that are added in it", async () => {
    const { stored, draft } = await add({
      headers: { traceparent: "00-1-2-01" },
      traceId: "trace",
      correlationId: "request",
      causationId: "command",
    });
    expect(stored).toMatchObject({
      id: draft.id,
      headers: { traceparent: "00-1-2-01" },
      traceId: "trace",
      correlationId: "request",
      causationId: "command",
    });
  });

  it("leaves events as they are where there is none", async () => {
    const { stored } = await add(undefined, { headers: { own: "1" } });
    expect(stored).toMatchObject({ headers: { own: "1" }, traceId: null, correlationId: null });
  });

  it("gives way to what the event says itself, and to the options of add", async () => {
    const { stored } = await add(
      { headers: { a: "context", b: "context", c: "context" }, traceId: "context", correlationId: "context" },
      { headers: { a: "event" }, correlationId: "event" },
      { headers: { a: "add", b: "add" }, traceId: "add" },
    );
    expect(stored).toMatchObject({
      headers: { a: "event", b: "add", c: "context" },
      traceId: "add",
      correlationId: "event",
    });
  });

  it("is asked in the caller's own context, once for each call", async () => {
    const repository = createMemoryOutboxRepository({ onPublished: "keep" });
    const calls: string[] = [];
    let current = "first";
    const outbox = createOutbox({ repository, context: () => void calls.push(current) as undefined });
    await repository.transaction(async (tx) => {
      const adding = outbox.add(tx, [sampleDraft(), sampleDraft()]);
      current = "second";
      await adding;
    });
    expect(calls).toEqual(["first"]);
  });

  it("loses what cannot be stored, and no event is refused for it", async () => {
    const { stored } = await add({
      headers: {
        good: "1",
        "omni-seq": "7",
        long: "x".repeat(limits.headerValueMaxLength + 1),
        ["n".repeat(limits.headerKeyMaxLength + 1)]: "1",
        nul: "\0",
        number: 1 as unknown as string,
      },
      traceId: "x".repeat(limits.contextIdMaxLength + 1),
      correlationId: "",
      causationId: 1 as unknown as string,
    });
    expect(stored).toMatchObject({ headers: { good: "1" }, traceId: null, correlationId: null, causationId: null });
    expect(Object.keys(stored.headers)).toEqual(["good"]);
  });

  it("has no room beside an event that has all the headers it may have", async () => {
    const headers = Object.fromEntries(
      Array.from({ length: limits.headersMaxCount }, (_, index) => [`h${index}`, "1"]),
    );
    const { stored } = await add({ headers: { traceparent: "00" } }, { headers });
    expect(stored.headers).toEqual(headers);
  });

  it("makes add reject, and sends nothing, when it throws or is no object", async () => {
    const repository = createMemoryOutboxRepository({ onPublished: "keep" });
    const thrown = new Error("no request");
    const throws = createOutbox({
      repository,
      context: () => {
        throw thrown;
      },
    });
    const wrong = createOutbox({ repository, context: () => "request" as unknown as EventContext });
    await repository.transaction(async (tx) => {
      await expect(throws.add(tx, sampleDraft())).rejects.toBe(thrown);
      await expect(wrong.add(tx, sampleDraft())).rejects.toMatchObject({ code: "CONFIG.INVALID_OPTIONS" });
    });
    expect(repository.all()).toEqual([]);
  });
});
