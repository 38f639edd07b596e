import { OmniBoxError } from "@omni-box/core";
import type { AmqpChannelLike, AmqpConnectionLike } from "./amqp-connection-like.js";
import { type AmqpReply, amqpReply, mapAmqpError } from "./map-amqp-error.js";
import type { TopologyStep } from "./topology-steps.js";

/** Reply codes that speak about what was declared: access, existence, lock, properties; and of the connection: type, permission. */
const refusals = new Set([403, 404, 405, 406, 503, 530, 540]);

/**
 * Runs the steps one after the other and reports every refusal, not only the first. The broker closes the channel over a
 * refusal, so the next step gets a new one.
 *
 * @throws {OmniBoxError} CONFIG.TOPOLOGY_MISMATCH that lists all problems.
 * @throws {OmniBoxError} BROKER.UNREACHABLE when the connection is lost meanwhile.
 */
export async function runTopologySteps(connection: AmqpConnectionLike, steps: readonly TopologyStep[]): Promise<void> {
  let connectionError: unknown;
  const onError = (error: unknown) => {
    connectionError = error;
  };
  connection.on("error", onError);
  const problems: string[] = [];
  let channel: AmqpChannelLike | null = null;
  try {
    for (const step of steps) {
      try {
        channel ??= await openChannel(connection);
        await step.run(channel);
      } catch (error) {
        channel = null;
        // An unknown exchange type costs the whole connection; the reason is then in the connection's error.
        problems.push(problemOf(step, connectionError ?? error));
        if (connectionError !== undefined) break;
      }
    }
    await channel?.close();
  } finally {
    connection.removeListener("error", onError);
  }
  if (problems.length > 0) throw topologyMismatch(problems);
}

function problemOf(step: TopologyStep, error: unknown): string {
  const problem = refusalText(step.subject, error);
  if (problem !== null) return problem;
  throw mapAmqpError(error, { activity: "connecting", subject: step.subject });
}

/** The broker's refusal as a sentence that says what to do; `null` when the error is no refusal of what was asked. */
export function refusalText(subject: string, error: unknown): string | null {
  const reply = amqpReply(error);
  if (reply === null || !refusals.has(reply.code)) return null;
  return `${subject}: ${reply.text} (${adviceFor(reply)})`;
}

function adviceFor({ code, text }: AmqpReply): string {
  if (code === 503 && text.includes("x-consistent-hash")) {
    return "enable the plugin: rabbitmq-plugins enable rabbitmq_consistent_hash_exchange";
  }
  switch (code) {
    case 403:
      return "give the user the permission, or let another one declare it";
    case 404:
      return "create it, or have it created by asserting the topology";
    case 405:
      return "another connection holds it exclusively";
    case 406:
      return "it exists with other properties: declare it as it is, or drain it, delete it and let it be created anew";
    default:
      return "this broker cannot do it: look at its version, plugins and policies";
  }
}

async function openChannel(connection: AmqpConnectionLike): Promise<AmqpChannelLike> {
  const channel = await connection.createChannel();
  // An emitter without an `error` listener would end the process; the call that failed rejects with the same error.
  channel.on("error", () => undefined);
  return channel;
}

/** CONFIG.TOPOLOGY_MISMATCH with all its problems. */
export function topologyMismatch(problems: readonly string[]): OmniBoxError {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return new OmniBoxError("CONFIG.TOPOLOGY_MISMATCH", `the broker's topology has ${count}: ${problems.join("; ")}`, {
    meta: { problems },
  });
}
