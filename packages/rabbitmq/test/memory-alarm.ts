import { setTimeout as pause } from "node:timers/promises";
import amqp from "amqplib";
import { amqpInternals } from "../src/amqp-internals.js";
import type { PrivateRabbitMq } from "./private-rabbitmq.js";
import { withHeartbeat } from "./test-broker.js";

/** Makes the broker short of memory. It goes on taking messages for a moment after the command. */
export function starve(node: PrivateRabbitMq): Promise<void> {
  return node.ctl("set_vm_memory_high_watermark", "0.00001");
}

/** Gives the broker its memory back. */
export function feed(node: PrivateRabbitMq): Promise<void> {
  return node.ctl("set_vm_memory_high_watermark", "0.4");
}

/** Makes the broker short of memory; resolves when it holds back the next message of any connection. */
export async function raiseMemoryAlarm(node: PrivateRabbitMq): Promise<void> {
  await starve(node);
  const connection = await amqp.connect(withHeartbeat(node.url));
  connection.on("error", () => undefined);
  let isBlocked = false;
  connection.on("blocked", () => {
    isBlocked = true;
  });
  try {
    const channel = await connection.createChannel();
    await probeUntil(
      () => isBlocked,
      () => channel.publish("", "omni-box-test.probe", Buffer.from("probe")),
    );
  } finally {
    // The broker does not read a blocked connection, so it would not answer a good-bye.
    amqpInternals(connection).stream?.destroy(new Error("The alarm was seen"));
  }
}

/**
 * Repeats a probe until its effect is seen; rejects when it is not within ten seconds. RabbitMQ tells a connection that it
 * is blocked only when it publishes after the alarm, so a single probe may come too early.
 */
export async function probeUntil(isSeen: () => boolean, probe: () => void): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!isSeen()) {
    if (performance.now() > deadlineMs) throw new Error("the broker took messages for 10 s instead of blocking");
    probe();
    await pause(20);
  }
}
