import { isOmniBoxError } from "@omni-box/core";
import type { AmqpConnectionLike } from "./amqp-connection-like.js";
import type { Topology } from "./define-topology.js";
import { runTopologySteps } from "./run-topology-steps.js";
import { assertSteps, checkExchangeStep } from "./topology-steps.js";

/**
 * Creates the exchanges, queues and bindings that are missing. Idempotent; safe to call concurrently. Not atomic: what
 * was created before a problem stays. A dead-letter exchange that the topology does not define must exist already.
 *
 * @throws {OmniBoxError} CONFIG.TOPOLOGY_MISMATCH when the broker refuses something, for example a queue that exists with
 *   other properties; lists all problems.
 * @throws {OmniBoxError} BROKER.UNREACHABLE when the connection is lost meanwhile.
 */
export async function assertTopology(connection: AmqpConnectionLike, topology: Topology): Promise<void> {
  const taken = new Set<string>();
  for (const { name, shared } of topology.exchanges) {
    if (shared === true && (await exists(connection, name))) taken.add(name);
  }
  await runTopologySteps(connection, assertSteps(topology, taken));
}

async function exists(connection: AmqpConnectionLike, exchange: string): Promise<boolean> {
  try {
    await runTopologySteps(connection, [checkExchangeStep(exchange)]);
    return true;
  } catch (error) {
    // Missing, or out of reach for this user, which its declaration will then say.
    if (isOmniBoxError(error, "CONFIG.TOPOLOGY_MISMATCH")) return false;
    throw error;
  }
}
