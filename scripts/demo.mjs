// @ts-check
import "./require-node.mjs";
import { runProgram } from "./run-program.mjs";

/** `npm run demo [-- --json] [-- --services]`: installs, builds and runs the example shop. */
const flags = process.argv.slice(2);
const unknown = flags.filter((flag) => !["--json", "--services", "--private-services"].includes(flag));
if (unknown.length > 0) {
  console.error(`Unknown option ${unknown.join(", ")}. Known: --json, --services, --private-services.`);
  process.exit(1);
}
const withBroker = flags.includes("--services");

await runProgram({
  title: "the example shop",
  package: "@omni-box-examples/shop",
  folder: "examples/shop",
  file: "dist/demo.js",
  flags: flags.filter((flag) => flag !== "--private-services"),
  services: withBroker ? ["postgres", "rabbitmq"] : ["postgres"],
  // The plain demo never touches a database that it did not start.
  privateOnly: !withBroker || flags.includes("--private-services"),
});
