import { OmniBoxError } from "@omni-box/core";
import type { StoreSetting } from "./event-dialect.js";

/** Says how a repository's setting differs from the recorded one, or `null` when it does not. */
export function describeSettingMismatch(expected: StoreSetting, recorded: StoreSetting | undefined): string | null {
  if (recorded === undefined) {
    return "the table outbox_setting has no row: apply the omni-box migrations again, or insert what they insert";
  }
  if (recorded.hashVersion !== expected.hashVersion) {
    return (
      `the database was set up for version ${recorded.hashVersion} of the partition hash, this version of omni-box uses ` +
      `${expected.hashVersion}: run the version of omni-box that the database was set up for`
    );
  }
  if (recorded.bucketCount !== expected.bucketCount) {
    return (
      `outbox_setting records ${recorded.bucketCount} buckets, the repository was created with ${expected.bucketCount}: ` +
      `create it with bucketCount ${recorded.bucketCount}`
    );
  }
  return null;
}

/** The error for events that no worker on this database would find. */
export function storeNotReady(expected: StoreSetting, recorded: StoreSetting | undefined): OmniBoxError {
  const problem = describeSettingMismatch(expected, recorded) ?? "the recorded setting changed meanwhile";
  return new OmniBoxError("CONFIG.STORE_NOT_READY", `no event was added: ${problem}`, {
    meta: { expected, recorded: recorded ?? null },
  });
}
