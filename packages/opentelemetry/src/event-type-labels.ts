import { expecting } from "@omni-box/core";
import { z } from "zod";
import { openTelemetryDefaults } from "./defaults.js";

/** A type by its name, or a definition that has one. */
export type KnownEventType = string | { readonly type: string };

/** A zod schema for the event types that are told apart. */
export const knownEventTypes = z
  .array(expecting<KnownEventType>('an event definition, or the name of an event type such as "order.placed"', isKnown))
  .max(openTelemetryDefaults.eventTypesMax)
  .default([]);

function isKnown(value: unknown): boolean {
  const name = typeof value === "object" && value !== null ? Reflect.get(value, "type") : value;
  return typeof name === "string" && name.length > 0;
}

/** Bounds the event types that become labels: a stranger's messages must not make a series each. */
export interface EventTypeLabels {
  /** All labels that there are. */
  readonly all: readonly string[];
  labelOf(eventType: string): string;
}

export function createEventTypeLabels(known: readonly KnownEventType[]): EventTypeLabels {
  const { otherEventType } = openTelemetryDefaults;
  const names = new Set(known.map((given) => (typeof given === "string" ? given : given.type)));
  return {
    all: [...new Set([...names, otherEventType])],
    labelOf: (eventType) => (names.has(eventType) ? eventType : otherEventType),
  };
}
