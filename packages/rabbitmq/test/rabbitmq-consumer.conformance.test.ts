import { consumerCases } from "@omni-box/conformance";
import { runCases } from "@omni-box/conformance/vitest";
import { describe } from "vitest";
import { createRabbitMqConsumerHarness, rabbitMqConsumerFeatures } from "./rabbitmq-consumer-harness.js";

describe("the RabbitMQ consumer", () => {
  runCases(consumerCases, createRabbitMqConsumerHarness, { features: rabbitMqConsumerFeatures });
});
