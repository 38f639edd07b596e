import { Arrivals } from "./arrivals.js";
import type { Environment } from "./environment.js";

/** What a queue must hold. */
export interface Expected {
  readonly events: number;
  /** Whether the events of each key must arrive in the order of their sequence numbers. */
  readonly isOrdered: boolean;
  /** Who sent them, for the error message. */
  readonly sender: string;
}

/**
 * Empties a queue and looks whether it held what it must.
 *
 * @throws when an event is missing, or the first arrivals of a key's events are out of order
 */
export async function checkQueue(environment: Environment, queue: string, expected: Expected): Promise<void> {
  const channel = await environment.connection.createChannel();
  const { messageCount } = await channel.checkQueue(queue);
  const arrivals = new Arrivals();
  await channel.prefetch(2_000);
  await new Promise<void>((resolve, reject) => {
    if (messageCount === 0) return resolve();
    channel.once("error", reject);
    const consumed = channel.consume(queue, (message) => {
      if (message === null) return reject(new Error(`the queue ${queue} is gone`));
      arrivals.add(message);
      const isLast = arrivals.received === messageCount;
      if (isLast || arrivals.received % 500 === 0) channel.ack(message, true);
      if (isLast) resolve();
    });
    consumed.catch(reject);
  });
  await channel.close();
  arrivals.assertComplete(expected);
}
