import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(`packages/${path}`, import.meta.url));

/**
 * Tests import our packages by name and run against their sources: no build is needed, and a run holds one copy of
 * each module. The longer names come first, because an alias also matches what follows it.
 */
const alias = [
  { find: /^@omni-box\/core\/testing$/, replacement: source("core/src/testing/index.ts") },
  { find: /^@omni-box\/core$/, replacement: source("core/src/index.ts") },
  { find: /^@omni-box\/prisma$/, replacement: source("prisma/src/index.ts") },
  { find: /^@omni-box\/rabbitmq$/, replacement: source("rabbitmq/src/index.ts") },
  { find: /^@omni-box\/opentelemetry$/, replacement: source("opentelemetry/src/index.ts") },
  { find: /^@omni-box\/redis$/, replacement: source("redis/src/index.ts") },
  { find: /^@omni-box\/cli$/, replacement: source("cli/src/index.ts") },
  { find: /^@omni-box\/conformance\/vitest$/, replacement: source("conformance/src/vitest.ts") },
  { find: /^@omni-box\/conformance$/, replacement: source("conformance/src/index.ts") },
];

const integration = ["**/*.int.test.ts"];
const conformance = ["**/*.conformance.test.ts"];
const ignored = ["**/node_modules/**", "**/dist/**", "**/generated/**"];

/** The three kinds of test; `--project <name>` runs one of them, in the whole repository or in one package. */
export default defineConfig({
  resolve: { alias },
  test: {
    // Most tests wait for a server, so even two cores have room for two files at once.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // How soon something happens on a busy machine is no matter of any test.
    expect: { poll: { timeout: 20_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["**/*.test.ts"],
          exclude: [...ignored, ...integration, ...conformance],
          // None waits for anything real: what takes long computes, on a machine that has other things to do.
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: { name: "conformance", include: conformance, exclude: ignored, testTimeout: 30_000, hookTimeout: 60_000 },
      },
      {
        extends: true,
        test: { name: "integration", include: integration, exclude: ignored, testTimeout: 60_000, hookTimeout: 60_000 },
      },
    ],
  },
});
