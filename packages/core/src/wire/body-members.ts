import type { ConsumedMessage } from "../protocols/event-consumer.js";
import { readJsonBody } from "./read-json-body.js";
import { undecodable } from "./undecodable.js";

/** A parsed JSON object that came from outside. */
export type BodyMembers = Readonly<Record<string, unknown>>;

/**
 * The JSON object that a message's body is.
 *
 * @throws {OmniBoxError} MESSAGE.UNDECODABLE when it is none.
 */
export function bodyMembers(message: ConsumedMessage): BodyMembers {
  const body = readJsonBody(message);
  if (!isJsonObject(body)) throw undecodable("its body is not a JSON object");
  return body;
}

/** A member of the object, not one of its prototype; `undefined` when it has none of that name. */
export function memberOf(members: BodyMembers, name: string): unknown {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

/** @throws {OmniBoxError} MESSAGE.UNDECODABLE when the member is missing or no string. */
export function textMember(members: BodyMembers, name: string): string {
  const text = optionalTextMember(members, name);
  if (text === null) throw undecodable(`"${name}" is missing in its body`);
  return text;
}

/**
 * `null` when the member is missing or `null`.
 *
 * @throws {OmniBoxError} MESSAGE.UNDECODABLE when it is no string.
 */
export function optionalTextMember(members: BodyMembers, name: string): string | null {
  const value = memberOf(members, name) ?? null;
  if (value !== null && typeof value !== "string") throw undecodable(`"${name}" in its body is not a string`);
  return value;
}

/** Whether parsed JSON is an object. */
export function isJsonObject(value: unknown): value is BodyMembers {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
