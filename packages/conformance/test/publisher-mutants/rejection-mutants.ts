import { isOmniBoxError, OmniBoxError, type OutgoingMessage } from "@omni-box/core";
import { type PublisherMutant, publishAs } from "./publisher-mutant.js";

/** Faults in what a rejection says, and when it comes. */
export const rejectionMutants: readonly PublisherMutant[] = [
  {
    fault: "an unroutable message counts as published",
    killedBy: "publisher.refusals.unroutable",
    wrap: swallowing("BROKER.UNROUTABLE"),
  },
  {
    fault: "a refused message counts as published",
    killedBy: "publisher.refusals.nacked",
    wrap: swallowing("BROKER.NACKED"),
  },
  {
    fault: "a refused message looks like an outage",
    killedBy: "publisher.refusals.nacked",
    wrap: renaming("BROKER.NACKED", "BROKER.CONNECTION_LOST"),
  },
  {
    fault: "a message that cannot be sent looks like an outage",
    killedBy: "publisher.refusals.unsendable",
    wrap: renaming("BROKER.MESSAGE_REFUSED", "BROKER.CONNECTION_LOST"),
  },
  {
    fault: "a lost connection spends attempts",
    killedBy: "publisher.outages.cut-while-publishing",
    wrap: renaming("BROKER.CONNECTION_LOST", "BROKER.NACKED"),
  },
  {
    fault: "a publish whose connection was lost never settles",
    killedBy: "publisher.outages.cut-before-confirm",
    wrap: publishAs(
      (publish) => (message, options) =>
        publish(message, options).catch((error: unknown) =>
          isOmniBoxError(error, "BROKER.CONNECTION_LOST") ? new Promise(() => undefined) : Promise.reject(error),
        ),
    ),
  },
  {
    fault: "a lost connection counts as published",
    killedBy: "publisher.outages.cut-before-confirm",
    wrap: swallowing("BROKER.CONNECTION_LOST"),
  },
  {
    fault: "a publish never times out",
    killedBy: "publisher.time-outs.no-confirm",
    wrap: publishAs((publish) => (message, options) => publish(message, { ...options, timeoutMs: 60_000 })),
  },
  {
    fault: "what was rejected during an outage is sent after it",
    killedBy: "publisher.outages.unreachable",
    wrap: publishAs((publish) => {
      let rejected: OutgoingMessage[] = [];
      return async (message, options) => {
        const resend = rejected;
        rejected = [];
        for (const earlier of resend) await publish(earlier, options).catch(() => rejected.push(earlier));
        await publish(message, options).catch((error: unknown) => {
          rejected.push(message);
          throw error;
        });
      };
    }),
  },
  {
    fault: "what flow control holds back looks like a time-out of something sent",
    killedBy: "publisher.time-outs.blocked",
    wrap: renaming("BROKER.BLOCKED", "BROKER.PUBLISH_TIMEOUT"),
  },
];

function swallowing(code: OmniBoxError["code"]): PublisherMutant["wrap"] {
  return publishAs(
    (publish) => (message, options) =>
      publish(message, options).catch((error: unknown) => {
        if (!isOmniBoxError(error, code)) throw error;
      }),
  );
}

function renaming(code: OmniBoxError["code"], name: OmniBoxError["code"]): PublisherMutant["wrap"] {
  return publishAs(
    (publish) => (message, options) =>
      publish(message, options).catch((error: unknown) => {
        throw isOmniBoxError(error, code) ? new OmniBoxError(name, "renamed by the mutant") : error;
      }),
  );
}
