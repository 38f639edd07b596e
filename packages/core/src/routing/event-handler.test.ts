import { expect, it } from "vitest";
import { eventHandler } from "./event-handler.js";

// How it marks methods is tested with compiled classes, in test/event-handler.int.test.ts.
it.each([
  [undefined, /^CONFIG\.INVALID_OPTIONS: eventHandler: .*expected object/],
  [{}, /type: must be a string, it is undefined/],
  [
    { type: "", topic: "x".repeat(256) },
    /type: must not be empty; topic: must have at most 255 characters, it has 256/,
  ],
])("refuses %o in place of a kind of event", (event, expected) => {
  expect(() => eventHandler(event as never)).toThrow(expected);
});
