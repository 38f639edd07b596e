import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import { type CliDatabase, openCliDatabase } from "../open-cli-database.js";

/** What the commands of a block find. */
export interface Scene {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** As the command line shows it. */
  readonly databaseName: string;
}

/** The situations that the pages show commands in. */
export interface Scenes {
  /** @param name - `undefined`: the one before goes on */
  enter(name: string | undefined): Promise<Scene>;
  close(): Promise<void>;
}

export function openScenes(): Scenes {
  let database: CliDatabase | undefined;
  let folder = "";

  const stages: Readonly<Record<string, () => Promise<CliDatabase>>> = {
    unreachable: () => openCliDatabase({ withTables: false }),
    async "a Prisma project"() {
      await mkdir(join(folder, "prisma"));
      await writeFile(join(folder, "prisma.config.ts"), 'export default { schema: "prisma" };\n');
      await writeFile(join(folder, "prisma/schema.prisma"), 'datasource db {\n  provider = "postgresql"\n}\n');
      return openCliDatabase({ withTables: false });
    },
    "an empty database": () => openCliDatabase({ withTables: false }),
    async "a failed event"() {
      const opened = await openCliDatabase();
      const payload = { orderId: 41, customer: "Ada", totalCents: 4200 };
      await opened.addFailed("the broker has no queue for it", { aggregateId: "41", payload });
      for (const aggregateId of ["42", "43"]) await opened.add({ aggregateId, payload });
      const { buckets } = createPrismaOutboxRepository(opened.prisma, { schema: opened.schema });
      for (const owner of ["shop-7f9c/1", "shop-b2d4/1"]) {
        await buckets?.acquire({ owner, leaseMs: 600_000, graceMs: 0, limit: 32 });
      }
      return opened;
    },
    async "a blocked key"() {
      const opened = await openCliDatabase();
      await opened.addFailed("the broker refused it", { partitionKey: "customer-7" });
      for (let later = 0; later < 3; later += 1) await opened.add({ partitionKey: "customer-7" });
      return opened;
    },
  };

  async function leave(): Promise<void> {
    await database?.close();
    database = undefined;
    if (folder !== "") await rm(folder, { recursive: true, force: true });
  }

  return {
    async enter(name) {
      if (name !== undefined) {
        await leave();
        folder = await mkdtemp(join(tmpdir(), "omni-box-docs-"));
        const stage = stages[name];
        if (stage === undefined) throw new Error(`there is no scene "${name}"`);
        database = await stage();
      }
      if (database === undefined) throw new Error("the first block has to name a scene");
      const { host, pathname } = new URL(database.url);
      return { env: { DATABASE_URL: database.url }, cwd: folder, databaseName: `${host}${pathname}` };
    },
    close: leave,
  };
}
