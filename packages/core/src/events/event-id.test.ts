import { describe, expect, it } from "vitest";
import { createEventId } from "./event-id.js";

describe("createEventId", () => {
  it("makes a UUID of version 7 that sorts by the time of its making", () => {
    const ids = Array.from({ length: 1_000 }, () => createEventId(null));
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(ids.map((id) => id.slice(-10))).size).toBe(1_000);
    expect([...ids].sort()).toEqual(ids);
  });

  // Fixed values: another id for the same key would let a producer's late repeat through.
  it.each([
    ["order-1", "a7863b0c-4d6c-5409-b688-fe688b258681"],
    ["größe/✅", "6583975b-0bae-57a0-bc49-c703ae17feff"],
  ])("derives the same UUID of version 5 from the idempotency key %s for ever", (key, id) => {
    expect(createEventId(key)).toBe(id);
    expect(createEventId(key)).toBe(createEventId(key));
  });

  it("derives different ids from different keys", () => {
    expect(createEventId("a")).not.toBe(createEventId("b"));
  });
});
