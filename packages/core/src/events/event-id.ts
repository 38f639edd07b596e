import { v5, v7 } from "uuid";

/** Namespace of the ids that are derived from idempotency keys. Never change it: late repeats would get new ids. */
const idempotencyNamespace = "5b6a6a0e-6f0e-4c58-9b1c-3b7f3f6a8d21";

/**
 * The id of a new event: UUIDv7 (RFC 9562), or UUIDv5 of its idempotency key, so that a producer's late repeat carries
 * the same message id even after the first row is gone.
 */
export function createEventId(idempotencyKey: string | null): string {
  return idempotencyKey === null ? v7() : v5(idempotencyKey, idempotencyNamespace);
}
