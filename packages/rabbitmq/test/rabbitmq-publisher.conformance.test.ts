import { type PublisherHarness, publisherCases } from "@omni-box/conformance";
import { runCases } from "@omni-box/conformance/vitest";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type PrivateRabbitMq, startPrivateRabbitMq } from "./private-rabbitmq.js";
import { createRabbitMqPublisherHarness, rabbitMqPublisherFeatures } from "./rabbitmq-publisher-harness.js";

let node: PrivateRabbitMq;
let harness: PublisherHarness | null = null;

beforeAll(async () => {
  node = await startPrivateRabbitMq();
});
afterAll(() => node.remove());
// A case that ran out of time has not closed it, and may have left the broker starved.
afterEach(() => harness?.close());

async function createHarness(of: PrivateRabbitMq = node): Promise<PublisherHarness> {
  harness = await createRabbitMqPublisherHarness(of);
  return harness;
}

/** The same broker, on which the command that starves it resolves without waiting for `starve`. */
function impatientNode(starve: (...args: readonly string[]) => Promise<void>): PrivateRabbitMq {
  const ctl = async (...args: readonly string[]) => {
    if (!args.includes("0.00001")) return node.ctl(...args);
    void starve(...args);
  };
  return { ...node, ctl };
}

describe("the RabbitMQ publisher", () => {
  runCases(publisherCases, () => createHarness(), { features: rabbitMqPublisherFeatures });
});

describe("the harness", () => {
  it("has blocked the publisher also when the alarm came after the command", async () => {
    const { createPublisher, block } = await createHarness(impatientNode((...args) => node.ctl(...args)));
    const publisher = createPublisher();
    await publisher.start();

    await block?.();

    expect(publisher.health()).toMatchObject({
      status: "degraded",
      reasons: [expect.stringMatching(/blocks publishers/)],
    });
  });

  it("can be closed while it waits for an alarm that does not come", async () => {
    const { createPublisher, block, close } = await createHarness(impatientNode(() => Promise.resolve()));
    await createPublisher().start();
    const blocking = expect(block?.()).rejects.toThrow("closed");

    await close();

    await blocking;
  });
});
