import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { EventDefinition } from "../events/define-event.js";
import type { InboxEvent } from "../events/inbox-event.js";
import type { HandledEvent } from "./handled-event.js";
import type { HandlerContext } from "./handler-context.js";
import type { EventHandlerResult } from "./handler-result.js";

/** What a handler may return: nothing, which means completed, or a result; now or later. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler may return nothing
export type HandlerAnswer = void | EventHandlerResult | Promise<void | EventHandlerResult>;

/** The application's code for one kind of event. Returning nothing means completed; what it throws is a failed attempt. */
export type HandlerFunction<Type extends string, Payload, Tx, Dependencies> = (
  event: HandledEvent<Type, Payload>,
  context: HandlerContext<Tx, Dependencies>,
) => HandlerAnswer;

/** A kind of event without a version: its handler takes every version that no other handler takes, payload as received. */
export interface UnversionedEvent<Type extends string = string> {
  readonly type: Type;
  readonly topic: string;
  readonly version?: undefined;
}

/** An object whose methods that take handled events can be called with the context of a router; others are refused by the compiler. */
export type HandlersFor<Instance, Tx, Dependencies> = {
  readonly [Name in keyof Instance]: Instance[Name] extends (event: infer Event, context: infer Context) => unknown
    ? [Event] extends [HandledEvent<string, unknown>]
      ? HandlerContext<Tx, Dependencies> extends Context
        ? Instance[Name]
        : (event: Event, context: HandlerContext<Tx, Dependencies>) => HandlerAnswer
      : Instance[Name]
    : Instance[Name];
};

/** Which event a route is looked for. */
export interface EventAddress {
  readonly topic: string;
  readonly type: string;
  readonly schemaVersion: string;
}

/** The handler that an event goes to, and how its payload gets there. */
export interface EventRoute<Tx, Dependencies> {
  /** For logs: the function's or the class's and method's name. */
  readonly handlerName: string;
  /** The version that the handler takes; `null`: any. */
  readonly version: string | null;
  /**
   * Migrates and validates the payload. No transaction is open yet.
   *
   * @throws {OmniBoxError} MESSAGE.MIGRATION_FAILED when a migration threw; names the step.
   * @throws {OmniBoxError} MESSAGE.SCHEMA_MISMATCH or MESSAGE.INVALID_PAYLOAD when the payload does not fit the schema.
   */
  prepare(event: InboxEvent): Promise<HandledEvent<string, unknown>>;
  /** Runs the handler. */
  readonly handle: (
    event: HandledEvent<string, unknown>,
    context: HandlerContext<Tx, Dependencies>,
  ) => Promise<EventHandlerResult>;
}

/**
 * What consumers and processors need of a router. One for handlers that ask for less of their transaction or dependencies
 * will do where more is given.
 */
export interface EventRoutes<Tx, Dependencies> {
  /** The handler for an event, or `null`. */
  readonly route: (address: EventAddress) => EventRoute<Tx, Dependencies> | null;
}

/**
 * Finds the handler of an event by topic, type and schema version: the exact version first (1.2.3, else 1.2, else 1), then
 * the shortest path of migrations to a version that has a handler, then a handler without a version.
 *
 * Topics are compared without blanks around them; upper and lower case differ, as they do at brokers. Types and versions are
 * compared as they are.
 */
export interface EventRouter<Tx, Dependencies = undefined> extends EventRoutes<Tx, Dependencies> {
  /**
   * Registers a handler for a definition, or for every other version of a type.
   *
   * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when that topic, type and version has a handler already.
   */
  on<Type extends string, Schema extends StandardSchemaV1>(
    event: EventDefinition<Type, Schema>,
    handler: HandlerFunction<Type, StandardSchemaV1.InferOutput<Schema>, Tx, Dependencies>,
  ): this;
  on<Type extends string>(
    event: UnversionedEvent<Type>,
    handler: HandlerFunction<Type, InboxEvent["payload"], Tx, Dependencies>,
  ): this;

  /**
   * Registers the methods that `@eventHandler` marks, on every given instance; they are called on it.
   *
   * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when an instance has none, one of them has no topic, or one of them is
   *   registered already, as those of a second instance of one class are.
   */
  register<Instances extends readonly object[]>(
    ...instances: {
      [Index in keyof Instances]: Instances[Index] & HandlersFor<Instances[Index], Tx, Dependencies>;
    }
  ): this;

  /** All topics that have a handler, sorted, without repetitions: what to bind a queue to. */
  topics(): readonly string[];
  /** All event types that have a handler, sorted, without repetitions. */
  types(): readonly string[];
}
