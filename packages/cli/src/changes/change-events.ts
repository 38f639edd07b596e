import type { EventChangeReport, EventFilter } from "@omni-box/core";
import { CliFailure } from "../cli-failure.js";
import type { ChosenAdministration } from "../database/with-administration.js";
import { cliDefaults } from "../defaults.js";
import { describeFailureLine } from "../describe-failure-line.js";

/** What can be done to stored events. */
export type ChangeKind = "requeue" | "skip" | "purge";

/** The words for it. */
export const changeWords: Readonly<Record<ChangeKind, { readonly done: string; readonly progress: string }>> = {
  requeue: { done: "requeued", progress: "requeueing" },
  skip: { done: "skipped", progress: "skipping" },
  purge: { done: "removed", progress: "removing" },
};

/** A change of as many events as there are. */
export interface ChangeRequest {
  readonly administration: ChosenAdministration;
  readonly kind: ChangeKind;
  readonly filter: EventFilter;
  /** Events at most; `undefined`: all. A dry run looks at 10,000 at most. */
  readonly limit?: number | undefined;
  readonly reason?: string | undefined;
  readonly dryRun: boolean;
  /** Told how many events were changed so far. */
  readonly onProgress?: (changed: number) => void;
}

/** What was changed, or would be. */
export interface ChangeReport extends EventChangeReport {
  readonly action: ChangeKind;
  readonly dryRun: boolean;
  /** Named events that were neither changed nor refused: the filters beside their ids do not match them, or somebody has locked them. */
  readonly leftOutIds: readonly string[];
}

/**
 * Changes events batch by batch, each of them atomic, until all are changed. What somebody else has locked is left out; the report
 * then says that there are more.
 *
 * @throws {CliFailure} when a batch fails after others were changed, with their number; what a first batch throws is thrown on.
 */
export async function changeEvents({ limit, onProgress, ...request }: ChangeRequest): Promise<ChangeReport> {
  const { kind, dryRun, administration, filter, reason } = request;
  const atOnce = dryRun ? cliDefaults.dryRunLimit : cliDefaults.changeBatchSize;
  const changed: ChangeReport["changed"][number][] = [];
  const refused = new Map<string, ChangeReport["refused"][number]>();
  const missingIds = new Set<string>();
  for (;;) {
    const left = limit === undefined ? atOnce : limit - changed.length;
    const report = await administration[kind]({
      filter: withoutChanged(filter, changed),
      limit: Math.min(left, atOnce),
      dryRun,
      ...(reason !== undefined && { reason }),
    }).catch((error: unknown) => {
      throw changed.length === 0 ? error : interrupted(error, kind, changed.length);
    });
    changed.push(...report.changed);
    for (const one of report.refused) refused.set(one.id, one);
    for (const id of report.missingIds) missingIds.add(id);
    onProgress?.(changed.length);
    const isLast = dryRun || report.changed.length === 0 || !report.more || changed.length === limit;
    if (isLast) {
      const { more } = report;
      const result = { changed, refused: [...refused.values()], missingIds: [...missingIds], more };
      // Those beyond a limit were not left out but not looked at.
      const leftOutIds = changed.length === limit ? [] : unmentioned(filter.ids ?? [], result);
      return { action: kind, dryRun, ...result, leftOutIds };
    }
  }
}

/** What of this report needs a person: named events of which nothing became what was asked for, or events that somebody had locked. */
export function isIncomplete(
  { dryRun, refused, missingIds, leftOutIds, more }: ChangeReport,
  isLimited: boolean,
): boolean {
  return refused.length + missingIds.length + leftOutIds.length > 0 || (more && !dryRun && !isLimited);
}

function unmentioned(ids: readonly string[], { changed, refused, missingIds }: EventChangeReport): readonly string[] {
  const mentioned = new Set([
    ...[...changed, ...refused].map(({ id }) => id),
    ...missingIds.map((id) => id.toLowerCase()),
  ]);
  return [...new Set(ids)].filter((id) => !mentioned.has(id.toLowerCase()));
}

function interrupted(error: unknown, kind: ChangeKind, changed: number): CliFailure {
  const { code, message } = describeFailureLine(error);
  return CliFailure.notDone(`${changed} events were ${changeWords[kind].done}, and then: ${message}`, code, error);
}

/** Named events that are changed already would be refused, or be missing, in the next batch. */
function withoutChanged(filter: EventFilter, changed: ChangeReport["changed"]): EventFilter {
  if (filter.ids === undefined || changed.length === 0) return filter;
  const done = new Set(changed.map(({ id }) => id));
  return { ...filter, ids: filter.ids.filter((id) => !done.has(id.toLowerCase())) };
}
