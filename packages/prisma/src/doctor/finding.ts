/** One thing that was looked at. */
export interface DoctorFinding {
  /** What was looked at, in a word or two. Several findings may have the same. */
  readonly name: string;
  /** `problem`: events may be lost, stuck or refused. `warning`: it works, but worse than it could, or perhaps not for long. */
  readonly status: "ok" | "warning" | "problem";
  /** What was found, in one sentence. Holds no payload and no credential. */
  readonly found: string;
  /** What to do; `null` when there is nothing to do. */
  readonly advice: string | null;
}

/** Makes the findings of one thing that is looked at. */
export interface FindingsOf {
  ok(found: string): DoctorFinding;
  warning(found: string, advice: string): DoctorFinding;
  problem(found: string, advice: string): DoctorFinding;
}

export function findingsOf(name: string): FindingsOf {
  return {
    ok: (found) => Object.freeze({ name, status: "ok", found, advice: null }),
    warning: (found, advice) => Object.freeze({ name, status: "warning", found, advice }),
    problem: (found, advice) => Object.freeze({ name, status: "problem", found, advice }),
  };
}
