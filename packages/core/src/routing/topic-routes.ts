import { invalidOptions } from "../errors/validate-options.js";
import type { EventDefinition } from "../events/define-event.js";
import type { EventMigration } from "../events/event-migration.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { createEventSchemaRegistry } from "../schemas/create-event-schema-registry.js";
import { validatePayload } from "../schemas/validate-payload.js";
import { byLongestPrefix } from "../schemas/version-prefixes.js";
import type { EventRoute, HandlerAnswer, UnversionedEvent } from "./event-router.js";
import type { HandledEvent } from "./handled-event.js";
import type { HandlerContext } from "./handler-context.js";
import { handlerCompleted } from "./handler-result.js";

/** A handler of any event; that its types fit has been checked where it was registered. */
export type RegisteredFunction<Tx, Dependencies> = (
  event: HandledEvent<never, never>,
  context: HandlerContext<Tx, Dependencies>,
) => HandlerAnswer;

/** The handlers of one topic. */
export interface TopicRoutes<Tx, Dependencies> {
  /** @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when the type and version has a handler already. */
  add(
    event: EventDefinition | UnversionedEvent,
    handler: RegisteredFunction<Tx, Dependencies>,
    handlerName: string,
  ): void;
  route(type: string, schemaVersion: string): EventRoute<Tx, Dependencies> | null;
  types(): readonly string[];
}

interface RegisteredHandler<Tx, Dependencies> {
  readonly handlerName: string;
  readonly handler: RegisteredFunction<Tx, Dependencies>;
  /** `null`: takes any version, payload as received. */
  readonly definition: EventDefinition | null;
}

/** The handlers of one type, by version; `null` stands for those that have none. */
type TypeHandlers<Tx, Dependencies> = Map<string | null, RegisteredHandler<Tx, Dependencies>>;

/** Creates the table of one topic. */
export function createTopicRoutes<Tx, Dependencies>(topic: string): TopicRoutes<Tx, Dependencies> {
  const types = new Map<string, TypeHandlers<Tx, Dependencies>>();
  const schemas = createEventSchemaRegistry();

  function routeTo(
    { handlerName, handler, definition }: RegisteredHandler<Tx, Dependencies>,
    migrations: readonly EventMigration[],
  ): EventRoute<Tx, Dependencies> {
    return Object.freeze<EventRoute<Tx, Dependencies>>({
      handlerName,
      version: definition?.version ?? null,
      async prepare(event) {
        if (definition === null) return handledEvent(event, event.schemaVersion, event.payload);
        const payload = await schemas.migrate(event.type, event.payload, migrations);
        const schemaVersion = migrations.at(-1)?.to ?? event.schemaVersion;
        const output = await validatePayload(definition.schema, { type: event.type, schemaVersion, payload });
        return handledEvent(event, schemaVersion, output);
      },
      async handle(event, context) {
        // The payload is what the handler's own definition made of it.
        const answer = await handler(event as HandledEvent<never, never>, context);
        return answer === undefined ? handlerCompleted() : answer;
      },
    });
  }

  return Object.freeze<TopicRoutes<Tx, Dependencies>>({
    add(event, handler, handlerName) {
      const handlers = types.get(event.type) ?? new Map();
      const version = event.version ?? null;
      const present = handlers.get(version);
      if (present !== undefined) throw taken(topic, event, present.handlerName, handlerName);
      const definition = event.version === undefined ? null : event;
      if (definition !== null) schemas.register(definition);
      types.set(event.type, handlers.set(version, { handlerName, handler, definition }));
    },
    route(type, schemaVersion) {
      const handlers = types.get(type);
      if (handlers === undefined) return null;
      const path = schemas.path(type, schemaVersion, (version) => byLongestPrefix(handlers, version) !== undefined);
      if (path !== null) {
        const handler = byLongestPrefix(handlers, path.at(-1)?.to ?? schemaVersion);
        if (handler !== undefined) return routeTo(handler, path);
      }
      const unversioned = handlers.get(null);
      return unversioned === undefined ? null : routeTo(unversioned, []);
    },
    types: () => [...types.keys()],
  });
}

function handledEvent(event: InboxEvent, schemaVersion: string, payload: unknown): HandledEvent<string, unknown> {
  const { messageId, consumerGroup, source, type, topic, partitionKey, headers } = event;
  const { traceId, correlationId, causationId } = event;
  return Object.freeze({
    messageId,
    consumerGroup,
    source,
    type,
    topic,
    partitionKey,
    headers,
    traceId,
    correlationId,
    causationId,
    schemaVersion,
    receivedVersion: event.schemaVersion,
    payload,
    receivedAt: event.createdAt,
  });
}

function taken(topic: string, event: EventDefinition | UnversionedEvent, present: string, refused: string) {
  const version = event.version === undefined ? "without a version" : `version "${event.version}"`;
  return invalidOptions("EventRouter", [
    `topic "${topic}", type "${event.type}", ${version} is handled by ${present} already, so ${refused} was not registered: ` +
      "an event goes to one handler, so call both from one",
  ]);
}
