import { expect, it } from "vitest";
import { qualifyTable, schemaName } from "./qualify-table.js";

it("leaves the schema to the search_path when none is given", () => {
  expect(qualifyTable(undefined, "outbox_event")).toBe('"outbox_event"');
});

it("quotes a schema so that it cannot be anything but a name", () => {
  expect(qualifyTable('a"; DROP TABLE x; --', "outbox_event")).toBe('"a""; DROP TABLE x; --"."outbox_event"');
});

it.each([
  ["the empty text", ""],
  ["a NUL character", "a\0b"],
  ["more than 63 bytes", "ä".repeat(32)],
])("refuses %s as a schema", (_name, name) => {
  expect(schemaName.safeParse(name).success).toBe(false);
});

it("accepts mixed case, spaces and 63 bytes", () => {
  for (const name of ["Tenant A", "ä".repeat(31), "x".repeat(63)]) expect(schemaName.parse(name)).toBe(name);
});
