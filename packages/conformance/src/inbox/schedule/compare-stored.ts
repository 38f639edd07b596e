import assert from "node:assert/strict";
import type { InboxScenario } from "../inbox-scenario.js";
import type { ModelRow } from "./inbox-model.js";

/** Compares what is stored of a message with what the model says. */
export async function compareStored({ read }: InboxScenario, row: ModelRow): Promise<void> {
  const stored = await read(row.id);
  const { seq, status, attemptsMade, startedAttempts, lastError } = row;
  assert.deepEqual(
    {
      seq: stored.seq,
      status: stored.status,
      attemptsMade: stored.attemptsMade,
      startedAttempts: stored.startedAttempts,
      lastError: stored.lastError,
      token: stored.lease?.token ?? null,
      backsOff: stored.nextAttemptAt !== null,
    },
    { seq, status, attemptsMade, startedAttempts, lastError, token: row.token, backsOff: row.notBeforeMs !== null },
    `what is stored of message ${row.message}`,
  );
}
