// @ts-check

/**
 * Cleans up and exits when the user or the system asks this process to end.
 *
 * @param {() => Promise<void>} cleanUp
 */
export function onInterrupt(cleanUp) {
  let interrupted = false;
  const handle = (/** @type {NodeJS.Signals} */ signal) => {
    if (interrupted) return;
    interrupted = true;
    console.error(`\n${signal}: stopping what was started …`);
    const exit = () => process.exit(signal === "SIGINT" ? 130 : 143);
    cleanUp().then(exit, (error) => {
      console.error(error);
      exit();
    });
  };
  process.on("SIGINT", handle);
  process.on("SIGTERM", handle);
}
