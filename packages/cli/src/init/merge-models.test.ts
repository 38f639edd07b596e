import { describe, expect, it } from "vitest";
import { mergeModels } from "./merge-models.js";

const shipped = `// Ours.

/// An event.
model OutboxEvent {
  seq    BigInt @id @default(autoincrement())
  id     String @unique @db.Uuid
  /// pending, completed or failed.
  status String @default("pending")
  note   String?

  @@map("outbox_event")
}

model OutboxWorker {
  id String @id

  @@map("outbox_worker")
}
`;
const own = `datasource db {
  provider = "postgresql"
}

model Order {
  id Int @id
}
`;
const home = "prisma/omni-box.prisma";

describe("mergeModels", () => {
  it("puts the shipped file beside the user's files, as it is", () => {
    const { files, models } = mergeModels(shipped, [{ path: "prisma/schema.prisma", text: own }], home);
    expect(files).toEqual([{ path: home, text: shipped }]);
    expect(models.map(({ model, action }) => [model, action])).toEqual([
      ["OutboxEvent", "add"],
      ["OutboxWorker", "add"],
    ]);
  });

  it("adds the models with their comments to a schema of one file, and leaves the rest of it as it is", () => {
    const path = "prisma/schema.prisma";
    const { files } = mergeModels(shipped, [{ path, text: own }], path);
    expect(files).toHaveLength(1);
    expect(files[0]?.text.startsWith(own)).toBe(true);
    expect(files[0]?.text).toContain("\n\n/// An event.\nmodel OutboxEvent {\n  seq    BigInt");
    expect(files[0]?.text.endsWith('  @@map("outbox_worker")\n}\n')).toBe(true);
  });

  it("changes nothing the second time, also when the user aligned, commented and extended the models", () => {
    const path = "prisma/schema.prisma";
    const [first] = mergeModels(shipped, [{ path, text: own }], path).files;
    const text = (first?.text ?? "")
      .replace("id     String @unique @db.Uuid", "id String    @unique  @db.Uuid // from us")
      .replace('  @@map("outbox_worker")', '  orders Order[]\n\n  @@map("outbox_worker")')
      .replaceAll("\n", "\r\n");
    const { files, models } = mergeModels(shipped, [{ path, text }], path);
    expect(files).toEqual([]);
    expect(models.map(({ action }) => action)).toEqual(["none", "none"]);
  });

  it("adds fields that a model lacks, behind those that it has", () => {
    const text = shipped.replace("  note   String?\n", "");
    const { files, models } = mergeModels(shipped, [{ path: home, text }], home);
    expect(files).toEqual([{ path: home, text: shipped }]);
    expect(models[0]).toMatchObject({ action: "extend", missing: ["note"] });
  });

  it("leaves what the user changed, and says what this version has", () => {
    const text = shipped
      .replace("note   String?", "note   String? @db.Text")
      .replace('@@map("outbox_event")', '@@map("events")');
    const { files, models } = mergeModels(shipped, [{ path: home, text }], home);
    expect(files).toEqual([]);
    expect(models[0]).toMatchObject({ action: "keep", different: ["note String?", '@@map("outbox_event")'] });
  });

  it("adds only the models that are missing", () => {
    const text = shipped.slice(0, shipped.indexOf("model OutboxWorker"));
    const { files } = mergeModels(shipped, [{ path: home, text }], home);
    expect(files).toEqual([{ path: home, text: shipped }]);
  });

  it("takes a model that only shares the name for a conflict", () => {
    const text = `${own}\nmodel OutboxEvent {\n  id Int @id\n}\n`;
    const { models } = mergeModels(shipped, [{ path: "prisma/schema.prisma", text }], home);
    expect(models[0]).toMatchObject({ model: "OutboxEvent", action: "conflict", file: "prisma/schema.prisma" });
  });
});
