import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineEvent } from "../src/events/define-event.js";
import { silentAbort } from "../src/internal/silent-abort.js";
import { silentLogger } from "../src/protocols/logger.js";
import { createEventRouter } from "../src/routing/create-event-router.js";
import { eventHandler } from "../src/routing/event-handler.js";
import type { EventRouter } from "../src/routing/event-router.js";
import type { HandlerContext } from "../src/routing/handler-context.js";
import type { DeclaredHandlers, declareHandlers } from "./decorated-handlers.js";
import { sampleInboxEvent } from "./sample-inbox-event.js";

const options = { topic: "orders", aggregateType: "order", version: "1", schema: z.looseObject({}) };
const placed = defineEvent({ ...options, type: "order.placed" });
const strictlyPlaced = defineEvent({ ...options, type: "order.placed", schema: z.strictObject({}) });
const paid = defineEvent({ ...options, type: "order.paid" });

let directory: string;
let classes: DeclaredHandlers;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "omni-box-decorators-"));
  await writeFile(join(directory, "package.json"), '{ "type": "module" }');
  const compiled: { declareHandlers: typeof declareHandlers } = await import(await compile("decorated-handlers.ts"));
  classes = compiled.declareHandlers({ eventHandler, placed, strictlyPlaced, paid });
});

afterAll(() => rm(directory, { recursive: true }));

/** Compiles a file of this directory as our packages are compiled, without its imports; its types are checked with all others. */
async function compile(file: string): Promise<string> {
  const tsc = fileURLToPath(new URL("../../../node_modules/typescript/bin/tsc", import.meta.url));
  const source = fileURLToPath(new URL(file, import.meta.url));
  const flags = ["--target", "ES2023", "--module", "NodeNext", "--noResolve", "--noCheck", "--types", ""];
  await promisify(execFile)(process.execPath, [tsc, source, "--outDir", directory, ...flags], { cwd: directory });
  return pathToFileURL(join(directory, file.replace(/ts$/, "js"))).href;
}

const context: HandlerContext<string> = {
  tx: "tx",
  outbox: { add: () => Promise.resolve([]) },
  signal: silentAbort,
  logger: silentLogger,
  attempt: 1,
  dependencies: undefined,
};

/** Sends an event through the router; `undefined` when nothing handles it. */
async function send(router: EventRouter<string>, type: string, topic = "orders") {
  const event = sampleInboxEvent({ type, topic });
  const route = router.route(event);
  return route?.handle(await route.prepare(event), context);
}

/** Whose methods handle what. */
function handlerNames(router: EventRouter<string>) {
  return router
    .topics()
    .flatMap((topic) =>
      router.types().map((type) => router.route({ topic, type, schemaVersion: "1" })?.handlerName ?? null),
    );
}

describe("methods marked by @eventHandler, compiled by tsc", () => {
  it("handle their events on the instance that was registered, with its private fields", async () => {
    const ada = new classes.ShippingHandlers("ada");
    const router = createEventRouter<string>().register(ada);
    expect(await send(router, "order.placed")).toEqual({ status: "completed" });
    expect(await send(router, "order.cancelled")).toEqual({ status: "skipped", reason: "ada" });
    expect(await send(router, "note")).toBeUndefined();
    expect(ada.seen).toEqual(["ada onPlaced order.placed tx", "ada onCancelled order.cancelled"]);
    expect(handlerNames(router)).toEqual(["ShippingHandlers.onCancelled", "ShippingHandlers.onPlaced"]);
  });

  it("are kept apart by router and instance", async () => {
    const [ada, grace] = [new classes.ShippingHandlers("ada"), new classes.ShippingHandlers("grace")];
    const [first, second] = [createEventRouter<string>().register(ada), createEventRouter<string>().register(grace)];
    await send(first, "order.placed");
    await send(second, "order.placed");
    await send(second, "order.placed");
    expect([ada.seen.length, grace.seen.length]).toEqual([1, 2]);
  });

  it("are refused when another instance, or another method, handles the same already", () => {
    const router = createEventRouter<string>().register(new classes.ShippingHandlers("ada"));
    const again =
      'type "order.placed", version "1" is handled by ShippingHandlers.onPlaced already, so ShippingHandlers.onPlaced';
    expect(() => router.register(new classes.ShippingHandlers("grace"))).toThrow(again);
    expect(() => createEventRouter<string>().register(new classes.ContradictoryHandlers())).toThrow(
      "is handled by ContradictoryHandlers.one already, so ContradictoryHandlers.two was not registered",
    );
    const byFunction = createEventRouter<string>().on(placed, function ship() {});
    expect(() => byFunction.register(new classes.ShippingHandlers("ada"))).toThrow("is handled by ship already");
  });

  it("are inherited: an override handles what the overridden method did, marked or not, and the topic may be another", async () => {
    const slow = new classes.SlowShippingHandlers("ada");
    const router = createEventRouter<string>().register(slow);
    await send(router, "order.placed");
    expect(slow.seen).toEqual(["ada onPlaced order.placed tx", "ada and slowly"]);
    slow.seen.length = 0;
    await send(router, "order.cancelled", "slow-orders");
    await send(router, "order.returned", "returns");
    expect(slow.seen).toEqual(["ada slowly cancelled", "ada slowly cancelled"]);
    expect(await send(router, "order.paid")).toEqual({ status: "completed" });
    expect(await send(router, "order.cancelled", "orders")).toBeUndefined();
    expect(router.topics()).toEqual(["orders", "returns", "slow-orders"]);
  });

  it("may be private", async () => {
    const instance = new classes.PrivateHandlers();
    const router = createEventRouter<string>().register(instance);
    await send(router, "order.placed");
    expect(instance.result()).toEqual([1, "function"]);
    expect(handlerNames(router)).toEqual(["PrivateHandlers.#onPlaced"]);
  });

  it("are another one each where private methods have the same name", () => {
    expect(() => createEventRouter<string>().register(new classes.MorePrivateHandlers())).toThrow(
      /is handled by .*#onPlaced already/,
    );
  });

  it("take the place of the overridden one when they are marked with another definition of the same version", async () => {
    const router = createEventRouter<string>().register(new classes.StrictHandlers("ada"));
    await expect(send(router, "order.placed")).rejects.toMatchObject({ code: "MESSAGE.SCHEMA_MISMATCH" });
  });

  it("leave nothing on the instance that lists of its fields would show", () => {
    const instance = new classes.HandlersWithoutTopic();
    expect([Object.keys(instance), JSON.stringify(instance), { ...instance }]).toEqual([[], "{}", {}]);
  });

  it("need a topic, and an instance", () => {
    const router = createEventRouter<string>();
    expect(() => router.register(new classes.HandlersWithoutTopic())).toThrow(
      'HandlersWithoutTopic.onCancelled handles "order.cancelled" of no topic: give the class a static readonly topic',
    );
    for (const given of [{}, classes.ShippingHandlers, null, "x"]) {
      expect(() => router.register(given as object)).toThrow(
        /^CONFIG\.INVALID_OPTIONS: EventRouter\.register: .* no such method$/,
      );
    }
    expect(() => classes.declareStaticHandler()).toThrow(
      "CONFIG.INVALID_OPTIONS: eventHandler: 1 problem: onPlaced is static: mark methods of instances, and register an instance",
    );
  });
});
