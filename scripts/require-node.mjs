// @ts-check
// Imported first by each command: ends it with one clear sentence where Node is too old to run the rest.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const supported = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 24;

if (!supported) {
  console.error(`omni-box needs Node 20.19+, 22.12+ or 24+ (as Prisma 7 does); this is Node ${process.versions.node}.`);
  process.exit(1);
}
