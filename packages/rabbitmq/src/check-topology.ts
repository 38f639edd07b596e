import type { AmqpConnectionLike } from "./amqp-connection-like.js";
import type { Topology } from "./define-topology.js";
import { runTopologySteps } from "./run-topology-steps.js";
import { checkSteps } from "./topology-steps.js";

/**
 * Looks whether all exchanges and queues exist, dead-letter exchanges included, and changes nothing. AMQP offers no way to
 * look at their properties or at bindings: a missing binding shows as BROKER.UNROUTABLE.
 *
 * @throws {OmniBoxError} CONFIG.TOPOLOGY_MISMATCH that lists everything that is missing.
 * @throws {OmniBoxError} BROKER.UNREACHABLE when the connection is lost meanwhile.
 */
export function checkTopology(connection: AmqpConnectionLike, topology: Topology): Promise<void> {
  return runTopologySteps(connection, checkSteps(topology));
}
