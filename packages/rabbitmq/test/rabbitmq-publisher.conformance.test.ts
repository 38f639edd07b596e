import { publisherCases } from "@omni-box/conformance";
import { runCases } from "@omni-box/conformance/vitest";
import { afterAll, beforeAll, describe } from "vitest";
import { type PrivateRabbitMq, startPrivateRabbitMq } from "./private-rabbitmq.js";
import { createRabbitMqPublisherHarness, rabbitMqPublisherFeatures } from "./rabbitmq-publisher-harness.js";

let node: PrivateRabbitMq;

beforeAll(async () => {
  node = await startPrivateRabbitMq();
});
afterAll(() => node.remove());

describe("the RabbitMQ publisher", () => {
  runCases(publisherCases, () => createRabbitMqPublisherHarness(node), { features: rabbitMqPublisherFeatures });
});
