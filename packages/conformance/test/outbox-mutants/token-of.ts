import type { Fence } from "@omni-box/core";

/** The token of a lease; a fence of buckets has none. */
export function tokenOf(fence: Fence): string | undefined {
  return fence.kind === "lease" ? fence.token : undefined;
}
