import { defineConfig } from "prisma/config";

// For the tests only: the client that they use is generated from the shipped fragment and a model of their own.
export default defineConfig({ schema: "test/schema" });
