import type { InboxEvent } from "../src/events/inbox-event.js";
import { silentAbort } from "../src/internal/silent-abort.js";
import { composePipeline, type Pipeline } from "../src/pipeline/compose-pipeline.js";
import type { Outcome } from "../src/pipeline/outcome.js";
import type { Step, StepContext } from "../src/pipeline/step.js";
import { createManualClock } from "../src/testing/manual-clock.js";
import { captureLogger } from "./captured-logger.js";

/** What a step is run with, on a manual clock. */
export function stepContext(changes: Partial<StepContext> = {}) {
  const clock = createManualClock();
  const logger = captureLogger();
  const context: StepContext = {
    workerId: "worker",
    clock,
    logger,
    signal: silentAbort,
    fence: null,
    leaseRemainingMs: () => Number.POSITIVE_INFINITY,
    leaseLost: () => silentAbort,
    isGivenUp: () => false,
    ...changes,
  };
  return { clock, logger, context };
}

/** A pipeline of one step around the work. */
export function pipelineOf(
  step: Step<InboxEvent>,
  handle: (event: InboxEvent) => Promise<Outcome>,
): Pipeline<InboxEvent> {
  return composePipeline([step], { name: "handler", requiredLeaseMs: 0, handle });
}
