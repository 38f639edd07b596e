import { describe, expect, it } from "vitest";
import { planMigrations } from "./plan-migrations.js";

const shipped = [
  { name: "omni_box_init", sql: "CREATE TABLE a ();\n" },
  { name: "omni_box_more", sql: "CREATE TABLE b ();\n" },
];
const now = new Date("2030-01-31T23:59:59.500Z");

describe("planMigrations", () => {
  it("gives the folders the time at which they are copied, in the order in which they apply", () => {
    expect(planMigrations(shipped, new Map(), now)).toEqual([
      { name: "omni_box_init", folder: "20300131235959_omni_box_init", action: "add" },
      { name: "omni_box_more", folder: "20300201000000_omni_box_more", action: "add" },
    ]);
  });

  it("puts them behind a migration of the user's that is from the future", () => {
    const existing = new Map([["20310101000000_add_orders", "SELECT 1"]]);
    expect(planMigrations(shipped, existing, now).map(({ folder }) => folder)).toEqual([
      "20310101000001_omni_box_init",
      "20310101000002_omni_box_more",
    ]);
  });

  it("knows a migration under any time and with any line endings, and adds only what is missing", () => {
    const existing = new Map([["20290101000000_omni_box_init", "CREATE TABLE a ();\r\n"]]);
    expect(planMigrations(shipped, existing, now).map(({ action }) => action)).toEqual(["none", "add"]);
  });

  it("keeps a migration that the user changed", () => {
    const existing = new Map([["20290101000000_omni_box_init", "CREATE TABLE mine ();\n"]]);
    expect(planMigrations(shipped, existing, now)[0]).toMatchObject({ action: "keep" });
  });

  it("fills a folder that an earlier run left empty", () => {
    const existing = new Map([["20290101000000_omni_box_init", null]]);
    expect(planMigrations(shipped, existing, now)[0]).toEqual({
      name: "omni_box_init",
      folder: "20290101000000_omni_box_init",
      action: "add",
    });
  });
});
