import { headerFrameBytes } from "./encode-message.js";
import { mapAmqpError } from "./map-amqp-error.js";
import type { Publication } from "./publication.js";

/** amqplib encodes headers into 64 KiB at most, so only frames smaller than this can be too small for them. */
const largestHeaderFrameBytes = 72_000;

/** The error for a message that amqplib or the broker did not take; an unknown error comes back unchanged. */
export function refusalOf(publication: Publication, error: unknown): unknown {
  const { id, routingKey } = publication.message;
  return mapAmqpError(error, {
    activity: "publishing",
    subject: `message ${id}`,
    meta: { messageId: id, topic: routingKey, mayHaveArrived: publication.mayHaveArrived },
  });
}

/** The error for a message that came back because nothing wants it. */
export function returnOf(
  publication: Publication,
  returned: { readonly replyCode: number; readonly replyText: string },
  options: { readonly exchange: string; readonly unroutable: "fail" | "retry" },
): Error {
  // NACKED is the retryable refusal: the broker did refuse it, and a binding may be added before the next attempt.
  const code = options.unroutable === "fail" ? "BROKER.UNROUTABLE" : "BROKER.NACKED";
  const address = `exchange "${options.exchange}", routing key "${publication.message.routingKey}"`;
  const text = `no queue is bound for it (${address}); the broker returned it: ${returned.replyText}`;
  return publication.failure(code, text, { replyCode: returned.replyCode, mayHaveArrived: false });
}

/**
 * What keeps a publication from being written right now; `null` when nothing does. Asks `mayWrite`, so it belongs into
 * the turn of the write.
 */
export function obstacleTo(publication: Publication, frameMaxBytes: number | undefined): { error: unknown } | null {
  if (frameMaxBytes !== undefined && frameMaxBytes < largestHeaderFrameBytes) {
    const bytes = headerFrameBytes(publication.message.properties);
    const text = `its properties and headers take up to ${bytes} bytes, the connection's frames hold ${frameMaxBytes}`;
    if (bytes > frameMaxBytes) return { error: publication.failure("BROKER.MESSAGE_REFUSED", text) };
  }
  try {
    if (publication.mayWrite?.() !== false) return null;
  } catch (error) {
    return { error };
  }
  return { error: publication.failure("BROKER.NOT_PERMITTED", "its worker may not publish it any more") };
}
