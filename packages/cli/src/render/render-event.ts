import { renderTime } from "./age.js";
import type { ShownEvent } from "./event-document.js";
import { renderPairs, renderTable } from "./table.js";
import { toJson } from "./to-json.js";

/** Everything about one event; payload and headers only on request. */
export function renderEvent({ event, failedAt, deadLetteredAt, history }: ShownEvent, showPayload: boolean): string {
  const origin: readonly (readonly [string, string])[] =
    "messageId" in event
      ? [
          ["message id", event.messageId],
          ["consumer group", event.consumerGroup],
          ["source", event.source],
          ["sender's seq", event.senderSeq?.toString() ?? "-"],
        ]
      : [["aggregate", `${event.aggregateType} ${event.aggregateId}`]];
  const lease = event.lease === null ? "-" : `until ${renderTime(event.lease.until)} by ${event.lease.workerId}`;
  const pairs = renderPairs([
    ["id", event.id],
    ["seq", event.seq.toString()],
    ["status", event.status],
    ["type", `${event.type} ${event.schemaVersion}`],
    ["topic", event.topic],
    ["key", `${event.partitionKey} (bucket ${event.bucket})`],
    ...origin,
    ["attempts", `${event.attemptsMade} of ${event.maxAttempts}`],
    ["last error", event.lastError ?? "-"],
    ["created", renderTime(event.createdAt)],
    ["scheduled for", renderTime(event.scheduledAt)],
    ["next attempt", renderTime(event.nextAttemptAt)],
    ["completed", renderTime(event.completedAt)],
    ["failed", renderTime(failedAt)],
    ["dead-lettered", renderTime(deadLetteredAt)],
    ["lease", lease],
    ["correlation id", event.correlationId ?? "-"],
    ["causation id", event.causationId ?? "-"],
    ["trace id", event.traceId ?? "-"],
    ["idempotency key", event.idempotencyKey ?? "-"],
  ]);
  return [
    pairs,
    ...(history.length === 0 ? [] : ["\n", renderHistory(history)]),
    ...(showPayload ? ["\n", renderContent(event)] : []),
  ].join("");
}

function renderHistory(history: ShownEvent["history"]): string {
  return renderTable(
    ["AT", "WHAT", "ATTEMPTS", "NOTE"],
    history.map(({ at, what, attemptsMade, note }) => [renderTime(at), words[what], `${attemptsMade}`, note ?? "-"]),
  );
}

const words: Readonly<Record<ShownEvent["history"][number]["what"], string>> = {
  retried: "retried",
  failed: "failed",
  requeued: "requeued",
  skipped: "skipped",
  deadLettered: "dead-lettered",
  deadLetterFailed: "dead letter failed",
};

function renderContent(event: ShownEvent["event"]): string {
  const body =
    "body" in event && event.body !== null ? `\nBODY (base64)\n${Buffer.from(event.body).toString("base64")}\n` : "";
  return `HEADERS\n${toJson(event.headers, 2)}\n\nPAYLOAD\n${toJson(event.payload, 2)}\n${body}`;
}
