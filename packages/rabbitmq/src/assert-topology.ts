import type { AmqpConnectionLike } from "./amqp-connection-like.js";
import type { Topology } from "./define-topology.js";
import { runTopologySteps } from "./run-topology-steps.js";
import { assertSteps } from "./topology-steps.js";

/**
 * Creates the exchanges, queues and bindings that are missing. Idempotent; safe to call concurrently. Not atomic: what
 * was created before a problem stays. A dead-letter exchange that the topology does not define must exist already.
 *
 * @throws {OmniBoxError} CONFIG.TOPOLOGY_MISMATCH when the broker refuses something, for example a queue that exists with
 *   other properties; lists all problems.
 * @throws {OmniBoxError} BROKER.UNREACHABLE when the connection is lost meanwhile.
 */
export function assertTopology(connection: AmqpConnectionLike, topology: Topology): Promise<void> {
  return runTopologySteps(connection, assertSteps(topology));
}
