import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "../../../src/generated/client.js";

/** In a service: its own generated client. */
export const prisma = new PrismaClient({
  adapter: new PrismaPg({
    connectionString: process.env.DATABASE_URL ?? "postgresql://postgres@127.0.0.1:5432/postgres",
  }),
});
