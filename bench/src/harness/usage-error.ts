/** What was asked cannot be done; its message says why, and that is all that needs to be shown. */
export class UsageError extends Error {}
