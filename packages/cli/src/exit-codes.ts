/** What the process ends with. `docs/cli.md` explains them. */
export const exitCodes = Object.freeze({
  ok: 0,
  /** It could not be done: no connection, no tables, no rights, an error. */
  notDone: 1,
  /** The command line is wrong; nothing was tried. */
  usage: 2,
  /** It was done, and what it found needs a person: refused or missing events, a problem, a migration that is not applied. */
  needsAttention: 3,
});
