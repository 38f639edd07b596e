import { createOutbox, defineEvent, stateTransitionSchema } from "@omni-box/core";
import { createPrismaOutboxRepository, defineTransition, omniBox } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "./generated/client.js";

/**
 * A process that changes the state of machine 1, and that kills itself after the given number of its transaction's statements:
 * `node state-changer.js <database url> <schema> <state> <statements>`.
 */
const [databaseUrl, schema, state, statements] = process.argv.slice(2);
if (databaseUrl === undefined || schema === undefined || state === undefined) {
  throw new Error("Usage: state-changer.js <database url> <schema> <state> <statements>");
}
const adapter = new PrismaPg({ connectionString: databaseUrl, max: 1 }, { schema });
const prisma = new PrismaClient({ adapter, log: [{ emit: "event", level: "query" }] });
let executed = 0;
prisma.$on("query", () => {
  executed += 1;
  if (executed === Number(statements)) process.kill(process.pid, "SIGKILL");
});

const machine = defineTransition({
  model: prisma.machine,
  stateField: "state",
  versionField: "version",
  schema,
  event: defineEvent({
    type: "machine.switched",
    version: "1",
    topic: "machines",
    aggregateType: "machine",
    schema: stateTransitionSchema(["off", "on"]),
  }),
});
const outbox = createOutbox({ repository: createPrismaOutboxRepository(prisma, { schema }) });
const client = prisma.$extends(omniBox({ outbox, transitions: [machine] }));

await client.$transaction((tx) => tx.machine.update({ where: { id: 1 }, data: { state, version: { increment: 1 } } }));
await prisma.$disconnect();
