import type { AckHandle } from "@omni-box/core";
import { type ConsumerMutant, consumerAs, deliveringAs, handleAs } from "./consumer-mutant.js";

/** Faults of settling, also when the channel is lost. */
export const settleMutants: readonly ConsumerMutant[] = [
  {
    fault: "an ack does not reach the broker",
    killedBy: "consumer.settle.ack",
    wrap: handleAs(() => ({ ack: () => undefined })),
  },
  {
    fault: "a requeued message is lost",
    killedBy: "consumer.settle.requeue",
    wrap: handleAs(({ ack }) => ({ requeue: ack })),
  },
  {
    fault: "a requeued message goes to the dead letters",
    killedBy: "consumer.settle.requeue",
    wrap: handleAs(({ deadLetter }) => ({ requeue: deadLetter })),
  },
  {
    fault: "a dead letter is lost",
    killedBy: "consumer.settle.dead-letter",
    wrap: handleAs(({ ack }) => ({ deadLetter: ack })),
  },
  {
    fault: "a dead letter is delivered again and again",
    killedBy: "consumer.settle.dead-letter",
    wrap: handleAs(({ requeue }) => ({ deadLetter: () => void setImmediate(requeue) })),
  },
  {
    fault: "a dead letter makes no room",
    killedBy: "consumer.prefetch.refilled",
    wrap: handleAs(() => ({ deadLetter: () => undefined })),
  },
  {
    fault: "of several calls on a handle the last decides",
    killedBy: "consumer.settle.first-decides",
    wrap: handleAs((handle) => {
      let last: keyof Omit<AckHandle, "lost"> = "ack";
      const decide = (call: typeof last) => () => {
        last = call;
        setImmediate(() => handle[last]());
      };
      return { ack: decide("ack"), requeue: decide("requeue"), deadLetter: decide("deadLetter") };
    }),
  },
  {
    fault: "a dead letter can be taken back",
    killedBy: "consumer.settle.first-decides-dead-letter",
    wrap: handleAs(({ deadLetter, requeue }) => {
      let takenBack = false;
      return {
        deadLetter: () => void setImmediate(() => takenBack || deadLetter()),
        requeue() {
          takenBack = true;
          requeue();
        },
      };
    }),
  },
  {
    fault: "a second call costs the channel",
    killedBy: "consumer.settle.first-decides",
    wrap: deliveringAs(() => {
      const channel = new AbortController();
      return (listener) => (message, handle) => {
        let settled = false;
        const once = (act: () => void) => () => {
          if (settled) channel.abort();
          settled = true;
          act();
        };
        const { ack, requeue, deadLetter } = handle;
        listener(message, {
          lost: channel.signal,
          ack: once(ack),
          requeue: once(requeue),
          deadLetter: once(deadLetter),
        });
      };
    }),
  },
  {
    fault: "an ack also acks what was delivered before",
    killedBy: "consumer.settle.last-ones-kept",
    wrap: deliveringAs(() => {
      const delivered: AckHandle[] = [];
      return (listener) => (message, handle) => {
        const position = delivered.push(handle);
        const ack = () => delivered.slice(0, position).forEach((earlier) => void earlier.ack());
        listener(message, { ...handle, ack });
      };
    }),
  },
  {
    fault: "of several acks in one turn only the first is sent",
    killedBy: "consumer.settle.hundreds",
    wrap: deliveringAs(() => {
      let isBusy = false;
      return (listener) => (message, handle) => {
        const ack = () => {
          if (isBusy) return;
          isBusy = true;
          setImmediate(() => {
            isBusy = false;
          });
          handle.ack();
        };
        listener(message, { ...handle, ack });
      };
    }),
  },
  {
    fault: "settling after a stop throws",
    killedBy: "consumer.settle.after-stop",
    wrap: handleAs(({ lost, ack }) => ({
      ack() {
        lost.throwIfAborted();
        ack();
      },
    })),
  },
  {
    fault: "nobody is told that the channel is lost",
    killedBy: "consumer.outages.handles-lost",
    wrap: handleAs(() => ({ lost: new AbortController().signal })),
  },
  {
    fault: "a handle of a lost channel settles the message on the new one",
    killedBy: "consumer.outages.stale-handles",
    wrap: deliveringAs(() => {
      const latest = new Map<string | null, AckHandle>();
      return (listener) => (message, handle) => {
        latest.set(message.messageId, handle);
        const current = () => latest.get(message.messageId) ?? handle;
        listener(message, {
          lost: handle.lost,
          ack: () => current().ack(),
          requeue: () => current().requeue(),
          deadLetter: () => current().deadLetter(),
        });
      };
    }),
  },
  {
    fault: "what comes again is taken for a duplicate and dropped",
    killedBy: "consumer.outages.handles-lost",
    wrap: deliveringAs(() => (listener) => (message, handle) => {
      if (message.redelivered) handle.ack();
      else listener(message, handle);
    }),
  },
  {
    fault: "acks wait for the next ones, and those that wait when the channel is lost block their messages for ever",
    killedBy: "consumer.outages.cut-while-acking",
    wrap: deliveringAs(() => {
      const acked = new Set<string | null>();
      return (listener) => (message, handle) => {
        // It believes to have acked what comes again, and neither delivers nor acks it.
        if (acked.has(message.messageId)) return;
        const ack = () => {
          acked.add(message.messageId);
          setImmediate(() => handle.ack());
        };
        listener(message, { ...handle, ack });
      };
    }),
  },
  {
    fault: "messages of a lost channel still count as in hand",
    killedBy: "consumer.outages.handles-lost",
    wrap: consumerAs((base) => {
      let lost = 0;
      return {
        ...base,
        start: (listener) =>
          base.start((message, handle) => {
            handle.lost.addEventListener("abort", () => {
              lost += 1;
            });
            listener(message, handle);
          }),
        health: () => ({ ...base.health(), unsettled: base.health().unsettled + lost }),
      };
    }),
  },
];
