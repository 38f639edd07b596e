import { describe, expect, it } from "vitest";
import { databaseTarget } from "./database-target.js";

const read = (env: Record<string, string>, options = {}) => databaseTarget(options, { env });

describe("databaseTarget", () => {
  it("names the database without its credentials", () => {
    const { name } = read({ DATABASE_URL: "postgresql://app:s3cret@db.example:6432/shop?sslmode=require" });
    expect(name).toBe("db.example:6432/shop");
  });

  it("prefers the options to the environment and to what the URL says", () => {
    const target = read(
      { DATABASE_URL: "postgresql://one/a" },
      { databaseUrl: "postgres://two/b?schema=inurl", schema: "given" },
    );
    expect(target).toMatchObject({ url: "postgres://two/b", schema: "given", name: "two/b" });
  });

  it("takes the schema from a URL as Prisma writes it, and hides it from the server", () => {
    const target = read({ DATABASE_URL: "postgresql://host/db?schema=sales&sslmode=disable" });
    expect(target).toMatchObject({ schema: "sales", url: "postgresql://host/db?sslmode=disable" });
  });

  it.each([
    [{}, "no database is named"],
    [{ DATABASE_URL: "" }, "no database is named"],
    [{ DATABASE_URL: "app:s3cret@db" }, "only postgresql:// is supported"],
    [{ DATABASE_URL: "s3cret" }, "is no URL"],
    [{ DATABASE_URL: "postgresql://app:s3cret@db/100%" }, "encodes nothing: write %25"],
    [{ DATABASE_URL: "mysql://app:s3cret@db/x" }, "begins with mysql://"],
  ])("refuses %j without showing it", (env, message) => {
    expect(() => read(env as Record<string, string>)).toThrow(message);
    expect(() => read(env as Record<string, string>)).not.toThrow("s3cret");
  });
});
