import type { EventDefinition } from "../events/define-event.js";
import type { HandledType } from "./event-handler.js";
import type { HandlerAnswer } from "./event-router.js";
import type { HandledEvent } from "./handled-event.js";
import type { HandlerContext } from "./handler-context.js";

/** A method of one instance that `@eventHandler` marks. */
export interface MarkedMethod {
  readonly event: EventDefinition | HandledType;
  readonly methodName: string;
  /** Calls the method, as it is then, on the instance. */
  readonly call: (event: HandledEvent<never, never>, context: HandlerContext<unknown, unknown>) => HandlerAnswer;
}

// Registered, so that another copy of the package knows it.
const marks: unique symbol = Symbol.for("omni-box.event-handlers") as never;

interface Marked {
  [marks]?: MarkedMethod[];
}

/** Notes a marked method on its instance, where nothing that lists fields sees it. */
export function addMark(instance: Marked, mark: MarkedMethod): void {
  const known = instance[marks];
  if (known === undefined) {
    Object.defineProperty(instance, marks, { value: [mark] });
    return;
  }
  // Base classes come first: an override that is marked like the overridden method takes its place.
  const overridden = known.findIndex((other) => isSame(other, mark));
  if (overridden < 0) known.push(mark);
  else known[overridden] = mark;
}

function isSame(one: MarkedMethod, other: MarkedMethod): boolean {
  // Private methods of one name are different methods.
  if (one.methodName !== other.methodName || one.methodName.startsWith("#")) return false;
  const [{ type, topic, version }, { event }] = [one.event, other];
  return type === event.type && topic === event.topic && version === event.version;
}

/** The marked methods of an instance, those of its base classes first. */
export function marksOf(instance: Marked): readonly MarkedMethod[] {
  return instance[marks] ?? [];
}
