import type { DoctorFinding } from "@omni-box/prisma";

/** One thing that was looked at; `skipped`: it was not asked for, or could not be looked at. */
export interface Finding extends Omit<DoctorFinding, "status"> {
  readonly status: DoctorFinding["status"] | "skipped";
}
