import { type EventChangeReport, type EventChangeRequest, OmniBoxError } from "@omni-box/core";
import { describe, expect, it } from "vitest";
import type { ChosenAdministration } from "../database/with-administration.js";
import { changeEvents } from "./change-events.js";
import { renderChanges } from "./render-changes.js";

const refs = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `event-${from + index}`, seq: BigInt(from + index) }));

/** An administration that answers requeues by these reports, one after the other. */
function answering(...answers: (Partial<EventChangeReport> | Error)[]) {
  const requests: EventChangeRequest[] = [];
  const requeue = async (request: EventChangeRequest): Promise<EventChangeReport> => {
    requests.push(request);
    const answer = answers[requests.length - 1];
    if (answer === undefined) throw new Error("it was asked once too often");
    if (answer instanceof Error) throw answer;
    return { changed: [], refused: [], missingIds: [], more: false, ...answer };
  };
  return { requests, administration: { requeue } as Partial<ChosenAdministration> as ChosenAdministration };
}

describe("changeEvents", () => {
  it("goes on while there are more, and adds up what became of them", async () => {
    const { administration, requests } = answering(
      { changed: refs(1, 1_000), more: true },
      { changed: refs(1_001, 5) },
    );
    const progress: number[] = [];
    const report = await changeEvents({
      administration,
      kind: "requeue",
      filter: { statuses: ["failed"] },
      dryRun: false,
      onProgress: (count) => progress.push(count),
    });
    expect(report.changed).toHaveLength(1_005);
    expect(report.more).toBe(false);
    expect(progress).toEqual([1_000, 1_005]);
    expect(requests.map(({ limit }) => limit)).toEqual([1_000, 1_000]);
  });

  it("stops at the limit, and when nothing can be changed because others hold the rows", async () => {
    const limited = answering({ changed: refs(1, 1_000), more: true }, { changed: refs(1_001, 200), more: true });
    const request = { kind: "requeue", filter: {}, dryRun: false } as const;
    expect((await changeEvents({ ...request, ...limited, limit: 1_200 })).changed).toHaveLength(1_200);
    expect(limited.requests.map(({ limit }) => limit)).toEqual([1_000, 200]);

    const locked = answering({ changed: refs(1, 2), more: true }, { more: true });
    const report = await changeEvents({ ...request, ...locked });
    expect(report.more).toBe(true);
    expect(renderChanges(report)).toContain("There may be more: run it again.");
  });

  it("asks once for a dry run", async () => {
    const { administration, requests } = answering({ changed: refs(1, 10_000), more: true });
    await changeEvents({ administration, kind: "requeue", filter: {}, dryRun: true });
    expect(requests).toMatchObject([{ limit: 10_000, dryRun: true }]);
  });

  it("names no event again that is changed, so that none is refused for that", async () => {
    const { administration, requests } = answering(
      { changed: refs(1, 1), missingIds: ["x"], more: true },
      { missingIds: ["x"] },
    );
    const report = await changeEvents({
      administration,
      kind: "requeue",
      filter: { ids: ["event-1", "event-2", "x"] },
      dryRun: false,
    });
    expect(requests[1]?.filter.ids).toEqual(["event-2", "x"]);
    expect(report.missingIds).toEqual(["x"]);
  });

  it("says how far it came when the database goes away", async () => {
    const gone = new OmniBoxError("STORE.UNREACHABLE", "the connection was lost");
    const request = { kind: "requeue", filter: {}, dryRun: false } as const;
    await expect(changeEvents({ ...request, ...answering(gone) })).rejects.toBe(gone);
    const later = changeEvents({ ...request, ...answering({ changed: refs(1, 1_000), more: true }, gone) });
    await expect(later).rejects.toMatchObject({
      code: "STORE.UNREACHABLE",
      message: expect.stringMatching(/^1000 events were requeued, and then: the connection was lost/),
      exitCode: 1,
    });
  });

  it("lists twenty events and counts the rest", async () => {
    const { administration } = answering({ changed: refs(1, 25) });
    const text = renderChanges(await changeEvents({ administration, kind: "requeue", filter: {}, dryRun: false }));
    expect(text).toContain("\n… and 5 more\nrequeued: 25 events\n");
  });
});
