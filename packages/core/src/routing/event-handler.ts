import type { StandardSchemaV1 } from "@standard-schema/spec";
import { z } from "zod";
import { limits } from "../defaults.js";
import { invalidOptions, validateOptions } from "../errors/validate-options.js";
import type { EventDefinition } from "../events/define-event.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { textField } from "../events/text-field.js";
import { addMark } from "./decorated-methods.js";
import type { HandlerAnswer } from "./event-router.js";
import type { HandledEvent } from "./handled-event.js";
import type { HandlerContext } from "./handler-context.js";

/** A kind of event without a version, for a method that takes every version that no other handler takes. */
export interface HandledType<Type extends string = string> {
  readonly type: Type;
  /** Default: the `static readonly topic` of the class. */
  readonly topic?: string | undefined;
  readonly version?: undefined;
}

/** A method that takes a kind of event, with a context of any transaction and dependencies: `router.register` checks those. */
export type HandlerMethod<Type extends string, Payload> = (
  event: HandledEvent<Type, Payload>,
  context: HandlerContext<never, never>,
) => HandlerAnswer;

/** A standard method decorator that only marks the method. */
export type EventHandlerDecorator<Type extends string, Payload> = <
  This extends object,
  Method extends HandlerMethod<Type, Payload>,
>(
  method: Method,
  context: ClassMethodDecoratorContext<This, Method>,
) => void;

const handledType = z.object({
  type: textField(limits.eventTypeMaxLength, { maxBytes: limits.eventTypeMaxBytes }),
  topic: textField(limits.topicMaxLength, { maxBytes: limits.topicMaxBytes }).optional(),
});

/**
 * Marks a method as the handler of a kind of event, for `router.register(new ShippingHandlers())`.
 *
 * A standard decorator (TypeScript 5 and later, without `experimentalDecorators`): what compiles the class must know them, as
 * tsc, esbuild and swc do; Node's own type stripping and Vite 8 do not. A method may have several, and an override goes on
 * handling what the overridden method did. The topic is the definition's; the `static readonly topic` of the class counts for
 * types that are given without one.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when it is given no kind of event, or marks a static method.
 */
export function eventHandler<Type extends string, Schema extends StandardSchemaV1>(
  event: EventDefinition<Type, Schema>,
): EventHandlerDecorator<Type, StandardSchemaV1.InferOutput<Schema>>;
export function eventHandler<const Type extends string>(
  event: HandledType<Type>,
): EventHandlerDecorator<Type, InboxEvent["payload"]>;
export function eventHandler(event: EventDefinition | HandledType): EventHandlerDecorator<string, never> {
  validateOptions("eventHandler", handledType, event);
  return (_method, context) => {
    // With legacy decorators it is the method's name.
    if (typeof context !== "object")
      throw invalidOptions("eventHandler", [
        "it is a standard decorator: switch experimentalDecorators off in tsconfig",
      ]);
    const name = String(context.name);
    if (context.static) {
      throw invalidOptions("eventHandler", [`${name} is static: mark methods of instances, and register an instance`]);
    }
    context.addInitializer(function () {
      addMark(this, {
        event,
        methodName: name,
        // Read when it is called, so that an override counts; reaches a #private method too. `register` has checked the context.
        call: (handled, given) => context.access.get(this).call(this, handled, given as HandlerContext<never, never>),
      });
    });
  };
}
