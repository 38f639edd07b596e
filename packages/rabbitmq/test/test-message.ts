import { randomUUID } from "node:crypto";
import { isOmniBoxError, type OutgoingMessage } from "@omni-box/core";

/** A sound message; `changes` says what matters to the test. */
export function testMessage(changes: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    id: randomUUID(),
    topic: "orders",
    type: "order.placed",
    partitionKey: "order-1",
    contentType: "application/json",
    body: Buffer.from('{"total":12}'),
    headers: {},
    correlationId: null,
    timestamp: new Date(),
    ...changes,
  };
}

/** As many messages as asked for, all of one key unless `changes` say otherwise for the index. */
export function testMessages(
  count: number,
  changes: (index: number) => Partial<OutgoingMessage> = () => ({}),
): OutgoingMessage[] {
  return Array.from({ length: count }, (_, index) => testMessage(changes(index)));
}

/** How a publication ended: `confirmed`, the code of the error it was rejected with, or the foreign error itself. */
export async function resultOf(publication: Promise<void>): Promise<unknown> {
  try {
    await publication;
    return "confirmed";
  } catch (error) {
    return isOmniBoxError(error) ? error.code : error;
  }
}

/** How several publications ended, in order. */
export function resultsOf(publications: readonly Promise<void>[]): Promise<unknown[]> {
  return Promise.all(publications.map(resultOf));
}
