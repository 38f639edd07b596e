import { AsyncResource } from "node:async_hooks";
import type { InboxEvent } from "../events/inbox-event.js";
import { joinSignals } from "../internal/join-signals.js";
import { composePipeline } from "../pipeline/compose-pipeline.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { Step, StepContext } from "../pipeline/step.js";
import type { Delivery } from "./inbox-consumer-delivery.js";
import type { InlineExecutor } from "./inline-executor.js";
import type { InlineAnswer } from "./inline-transaction.js";
import type { PrepareHandling, ReadyHandling } from "./prepare-handling.js";

/** Takes one message through the steps and its handler. Never rejects. */
export type InlineHandling = (delivery: Delivery) => Promise<InlineAnswer>;

/** What messages are handled with. */
export interface InlineHandlingParts<Tx> {
  readonly prepare: PrepareHandling<Tx>;
  readonly executor: InlineExecutor<Tx>;
  readonly steps: readonly Step<InboxEvent>[];
  readonly contextOf: (delivery: Delivery) => StepContext;
}

/**
 * Puts the steps around each message, outside of the transaction that its handler shares with others. What has been committed
 * stays so, whatever a step says of it afterwards. Handlers run in the asynchronous context in which the last step called `next`.
 */
export function createInlineHandling<Tx>(parts: InlineHandlingParts<Tx>): InlineHandling {
  const { prepare, executor, steps, contextOf } = parts;
  return async (delivery) => {
    const inner: { answer: InlineAnswer | null } = { answer: null };
    const context = contextOf(delivery);
    const pipeline = composePipeline(steps, {
      name: "the handling of a message",
      requiredLeaseMs: 0,
      async handle(event: InboxEvent, given: StepContext) {
        const preparation = await prepare(event);
        if (preparation.kind === "settled") return preparation.outcome;
        const { handling } = preparation;
        // The executor runs it in a transaction with others, in whose context a step's would be lost.
        const inContext = steps.length === 0 ? handling : { ...handling, run: AsyncResource.bind(handling.run) };
        inner.answer = await executor.run(
          delivery,
          given === context ? inContext : abortedBy(given.leaseLost(event), inContext),
        );
        return outcomeOf(inner.answer);
      },
    });
    const outcome = await pipeline(delivery.event, context);
    return inner.answer === null || inner.answer.kind === "outcome" ? { kind: "outcome", outcome } : inner.answer;
  };
}

/** A handling that also ends when a step around it says so. */
function abortedBy<Tx>(ended: AbortSignal, handling: ReadyHandling<Tx>): ReadyHandling<Tx> {
  return {
    ...handling,
    run(tx, signal) {
      const joined = joinSignals(signal, ended);
      return handling.run(tx, joined.signal).finally(joined.release);
    },
  };
}

/** What the steps are told. */
function outcomeOf(answer: InlineAnswer): Outcome {
  switch (answer.kind) {
    case "committed":
      return outcome.committed(answer.outcome.kind === "completed" ? answer.outcome.reason : null);
    case "duplicate":
      // One that is pending or failed has not done its work, and must not stand for others.
      return answer.status === "completed"
        ? outcome.committed("it was stored before")
        : outcome.release("it was stored before, and has not completed");
    case "blocked":
      return outcome.release("an earlier event of its key is pending");
    case "busy":
      return { kind: "defer", failure: answer.failure, delayMs: null };
    case "lost":
      return { kind: "retry", failure: answer.failure, delayMs: null };
    case "withdrawn":
      return outcome.release("the message goes back to the broker");
    case "outcome":
      return answer.outcome;
  }
}
