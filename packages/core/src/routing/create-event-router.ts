import { z } from "zod";
import { limits } from "../defaults.js";
import { functionOption, invalidOptions, validateOptions } from "../errors/validate-options.js";
import type { EventDefinition } from "../events/define-event.js";
import { isStandardSchema } from "../events/standard-schema.js";
import { textField } from "../events/text-field.js";
import { type MarkedMethod, marksOf } from "./decorated-methods.js";
import type { EventRouter, UnversionedEvent } from "./event-router.js";
import { createTopicRoutes, type RegisteredFunction, type TopicRoutes } from "./topic-routes.js";

/** Creates a router without handlers. `Tx` is the transaction that handlers write through. */
export function createEventRouter<Tx, Dependencies = undefined>(): EventRouter<Tx, Dependencies> {
  const topics = new Map<string, TopicRoutes<Tx, Dependencies>>();

  function add(
    event: EventDefinition | UnversionedEvent,
    handler: RegisteredFunction<Tx, Dependencies>,
    handlerName: string,
  ): void {
    const topic = topicName(event.topic);
    const routes = topics.get(topic) ?? createTopicRoutes(topic);
    routes.add(event, handler, handlerName);
    topics.set(topic, routes);
  }

  const router: EventRouter<Tx, Dependencies> = Object.freeze({
    on(event: EventDefinition | UnversionedEvent, handler: RegisteredFunction<Tx, Dependencies>) {
      validateOptions("EventRouter.on", onArguments, { event, handler });
      add(event, handler, handler.name === "" ? `the handler of "${event.type}"` : handler.name);
      return router;
    },
    register(...instances: readonly object[]) {
      for (const instance of instances) {
        for (const mark of marksOfHandlers(instance)) {
          const name = `${instance.constructor.name}.${mark.methodName}`;
          add(withTopic(mark, instance, name), (event, context) => mark.call(event, context), name);
        }
      }
      return router;
    },
    route({ topic, type, schemaVersion }) {
      return topics.get(topicName(topic))?.route(type, schemaVersion) ?? null;
    },
    topics: () => [...topics.keys()].sort(),
    types: () => [...new Set([...topics.values()].flatMap((routes) => routes.types()))].sort(),
  } satisfies EventRouter<Tx, Dependencies>);
  return router;
}

/**
 * The form in which topics are compared and listed: without blanks around them, which are always a slip.
 *
 * Upper and lower case are kept: "Orders" and "orders" are two addresses at every broker, and to merge them here would give a
 * handler what was meant for another, or have a queue bound to an address that nothing is published to.
 */
function topicName(topic: string): string {
  return topic.trim();
}

const onArguments = z.object({
  event: z
    .object({
      type: textField(limits.eventTypeMaxLength, { maxBytes: limits.eventTypeMaxBytes }),
      topic: textField(limits.topicMaxLength, { maxBytes: limits.topicMaxBytes }),
      version: textField(limits.schemaVersionMaxLength).optional(),
      schema: z.unknown().optional(),
    })
    .refine(({ version, schema }) => version === undefined || isStandardSchema(schema), {
      error: "has a version and no schema: pass what defineEvent returned, or leave the version out",
    }),
  handler: functionOption<RegisteredFunction<never, never>>("(event, context)"),
});

function marksOfHandlers(instance: object): readonly MarkedMethod[] {
  const marks = typeof instance === "object" && instance !== null ? marksOf(instance) : [];
  if (marks.length > 0) return marks;
  throw invalidOptions("EventRouter.register", [
    "an instance of a class whose methods are marked by @eventHandler is expected: " +
      "router.register(new ShippingHandlers()). This one has no such method",
  ]);
}

/** The event that a method handles, with the topic of its class where it has none of its own. */
function withTopic({ event }: MarkedMethod, instance: object, name: string): EventDefinition | UnversionedEvent {
  if (event.version !== undefined) return event;
  const topic: unknown = event.topic ?? Reflect.get(instance.constructor, "topic");
  if (typeof topic === "string" && topic.trim() !== "") return { type: event.type, topic };
  throw invalidOptions("EventRouter.register", [
    `${name} handles "${event.type}" of no topic: give the class a static readonly topic = "…", or say ` +
      "@eventHandler({ type, topic })",
  ]);
}
