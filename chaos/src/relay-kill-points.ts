import { writeSync } from "node:fs";
import { Socket } from "node:net";
import type { BucketOperations, EventPublisher, EventRepository, OutboxEvent } from "@omni-box/core";
import type { ChannelModel } from "amqplib";

/** The statements that a relay sends while it owns buckets. */
export type RelayStatement =
  | keyof BucketOperations<OutboxEvent>
  | keyof Pick<EventRepository<OutboxEvent>, "recordCompleted" | "recordPending" | "recordFailed">;

/**
 * Where a relay is killed: directly before a statement is sent, directly after it was answered with something, or around the
 * writing of one message.
 */
export type RelayKillPoint =
  | `${"before" | "after"} ${RelayStatement}`
  | "before write"
  | "after write"
  | "after confirm";

/** Called whenever a point is passed. */
export type ReachPoint = (point: string) => void;

/** Ends the process when it passes the point for the `nth` time; says before that it is there. */
export function killAtNth(wanted: string, nth: number): ReachPoint {
  let left = nth;
  return (point) => {
    if (point !== wanted) return;
    left -= 1;
    if (left > 0) return;
    writeSync(process.stdout.fd, `killed ${point}\n`);
    process.kill(process.pid, "SIGKILL");
  };
}

/** The repository with the points in it. */
export function withStatementPoints(
  repository: EventRepository<OutboxEvent>,
  reach: ReachPoint,
): EventRepository<OutboxEvent> {
  const { buckets } = repository;
  return withMethodPoints(
    { ...repository, ...(buckets && { buckets: withMethodPoints({ ...buckets }, reach) }) },
    reach,
  );
}

/** Statements that answer what they have not done: nothing, as a rule. */
const answersOfTheRest: ReadonlySet<unknown> = new Set<RelayStatement>(["release", "markClean"]);

/** An object with a point before each call of a method, and one after each answer that says something. */
export function withMethodPoints<Target extends object>(target: Target, reach: ReachPoint): Target {
  return new Proxy(target, {
    get(_target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return (...given: unknown[]): unknown => {
        reach(`before ${String(name)}`);
        const answer: unknown = Reflect.apply(method, target, given);
        if (!(answer instanceof Promise)) return answer;
        return answer.then((result: unknown) => {
          if (answersOfTheRest.has(name) || !isEmpty(result)) reach(`after ${String(name)}`);
          return result;
        });
      };
    },
  });
}

/** Whether a statement has found nothing, so that nothing depends on its answer. */
function isEmpty(result: unknown): boolean {
  const rows = typeof result === "object" && result !== null && "rows" in result ? result.rows : result;
  return Array.isArray(rows) && rows.length === 0;
}

/** Tells which messages the socket of a connection has taken. */
export interface Wire {
  /** To be called with each connection before it is used. */
  watch(connection: ChannelModel): void;
  /** A message with this id is about to be written. */
  expect(messageId: string): void;
}

/** Makes a wire that reaches "after write" in the very turn in which the operating system got the message. */
export function createWire(reach: ReachPoint): Wire {
  const expected = new Set<string>();
  return {
    expect: (messageId) => expected.add(messageId),
    watch({ connection }) {
      const socket: unknown = Reflect.get(connection, "stream");
      if (!(socket instanceof Socket)) throw new TypeError("the connection has no socket to watch");
      const write = socket.write.bind(socket);
      const watched = (
        chunk: Buffer,
        encoding?: BufferEncoding,
        callback?: (error?: Error | null) => void,
      ): boolean => {
        const accepts = write(chunk, encoding, callback);
        for (const messageId of expected) {
          if (!chunk.includes(messageId)) continue;
          expected.delete(messageId);
          reach("after write");
        }
        return accepts;
      };
      Object.defineProperty(socket, "write", { value: watched });
    },
  };
}

/** The publisher with the points in it. */
export function withPublishPoints(publisher: EventPublisher, wire: Wire, reach: ReachPoint): EventPublisher {
  return {
    capabilities: publisher.capabilities,
    start: () => publisher.start(),
    stop: (options) => publisher.stop(options),
    health: () => publisher.health(),
    async publish(message, options) {
      const mayWrite = () => {
        if (options.mayWrite?.() === false) return false;
        reach("before write");
        wire.expect(message.id);
        return true;
      };
      await publisher.publish(message, { ...options, mayWrite });
      reach("after confirm");
    },
  };
}
