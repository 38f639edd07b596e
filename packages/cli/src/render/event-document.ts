import type { AdministeredEvent, InboxEvent, OutboxEvent } from "@omni-box/core";

/** An event of either table, with what only people ask for. */
export type ShownEvent = AdministeredEvent<OutboxEvent> | AdministeredEvent<InboxEvent>;

/**
 * An event as `--json` shows it: its fields by their names, without the lease's token, and without payload, headers and body unless
 * they are asked for.
 */
export function eventDocument(
  { event, ...about }: ShownEvent,
  showPayload: boolean,
): Readonly<Record<string, unknown>> {
  const { payload, headers, lease, ...fields } = event;
  const { body, ...shown } = "body" in fields ? fields : { ...fields, body: undefined };
  return {
    ...shown,
    lease: lease === null ? null : { until: lease.until, workerId: lease.workerId },
    ...about,
    ...(showPayload && { headers, payload, ...(body !== undefined && { body }) }),
  };
}
