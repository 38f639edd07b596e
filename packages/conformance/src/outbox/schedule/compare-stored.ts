import assert from "node:assert/strict";
import type { OutboxEventRepository } from "@omni-box/core";
import type { ModelEvent, OutboxModel } from "./outbox-model.js";

/** Compares what is stored under an event's id with what the model says. */
export async function compareStored(
  repository: OutboxEventRepository<unknown>,
  model: OutboxModel,
  event: ModelEvent,
): Promise<void> {
  const stored = await repository.findById(event.id);
  const expected = model.stored(event.id);
  if (expected === undefined || stored === null) {
    assert.equal(stored !== null, expected !== undefined, `whether event ${event.seq} is stored`);
    return;
  }
  const { seq, status, attemptsMade, lastError, lease, nextAttemptAt } = stored;
  assert.deepEqual(
    { seq, status, attemptsMade, lastError, token: lease?.token ?? null, backsOff: nextAttemptAt !== null },
    {
      seq: expected.seq,
      status: expected.status,
      attemptsMade: expected.attemptsMade,
      lastError: expected.lastError,
      token: expected.token,
      backsOff: expected.notBeforeMs !== null,
    },
    `what is stored of event ${expected.seq}`,
  );
}
