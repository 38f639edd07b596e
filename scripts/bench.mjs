// @ts-check
import "./require-node.mjs";
import { runProgram } from "./run-program.mjs";

/** `npm run bench -- <name> [--events N] [--json] [--reports FOLDER]`: installs, builds and runs a benchmark on real services. */
await runProgram({
  title: "the benchmarks",
  package: "@omni-box-internal/bench",
  folder: "bench",
  file: "dist/src/main.js",
  flags: process.argv.slice(2).filter((flag) => flag !== "--private-services"),
  services: ["postgres", "rabbitmq"],
  privateOnly: process.argv.includes("--private-services"),
});
