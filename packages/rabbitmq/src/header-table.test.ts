import { describe, expect, it } from "vitest";
import { HeaderTable } from "./header-table.js";

/** What amqplib writes of a table that it is given. */
function written(table: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const headers = Object.create(table);
  const entries: [string, string][] = [];
  for (const name in headers) if (headers[name] !== undefined) entries.push([name, headers[name]]);
  return Object.fromEntries(entries);
}

describe("a header table", () => {
  it("holds the headers of the last message alone, whatever those before it had", () => {
    const table = new HeaderTable();

    expect(written(table.of({ a: "1", b: "2" }))).toEqual({ a: "1", b: "2" });
    expect(written(table.of({ b: "3", c: "4" }))).toEqual({ b: "3", c: "4" });
    expect(written(table.of({}))).toEqual({});
    expect(written(table.of({ a: "5" }))).toEqual({ a: "5" });
  });

  it("forgets what somebody else added to it", () => {
    const table = new HeaderTable();
    const given = table.of({ a: "1" });
    Object.assign(given, { traceparent: "00-1" });

    expect(written(table.of({ a: "2" }))).toEqual({ a: "2" });
  });

  it("takes any name", () => {
    const headers = JSON.parse('{"__proto__":"1","constructor":"2"}');

    expect(written(new HeaderTable().of(headers))).toEqual(headers);
    expect(written(new HeaderTable().of({}))).toEqual({});
  });

  it("does not grow with the names that it has seen", () => {
    const table = new HeaderTable();
    for (let message = 0; message < 1_000; message += 1) {
      const given = table.of({ [`name-${message}`]: "1" });

      expect(Object.keys(given).length).toBeLessThan(250);
      expect(written(given)).toEqual({ [`name-${message}`]: "1" });
    }
  });
});
