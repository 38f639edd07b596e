/** A value that JSON can carry without loss. */
export type JsonValue = string | number | boolean | null | JsonObject | readonly JsonValue[];

/** A plain JSON object, the only shape that a payload may have. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}
