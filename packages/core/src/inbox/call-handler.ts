import { describeFailure } from "../errors/describe-failure.js";
import { isOmniBoxError, OmniBoxError } from "../errors/omni-box-error.js";
import type { InboxEvent } from "../events/inbox-event.js";
import type { Outcome } from "../pipeline/outcome.js";
import type { EventRoute } from "../routing/event-router.js";
import type { HandledEvent } from "../routing/handled-event.js";
import type { HandlerOutbox } from "../routing/handler-context.js";
import { onAbort } from "./abort-listeners.js";
import type { HandlerFailureLog } from "./handler-failure-log.js";
import { loggerFor } from "./handler-logger.js";
import { type BoundOutbox, bindOutbox } from "./handler-outbox.js";
import { outcomeOfResult } from "./outcome-of-result.js";
import type { HandlingParts } from "./prepare-handling.js";

/** One call of a handler. */
export interface HandlerCall<Tx, Dependencies> {
  readonly route: EventRoute<Tx, Dependencies>;
  readonly event: InboxEvent;
  readonly handled: HandledEvent<string, unknown>;
  readonly tx: Tx;
  readonly signal: AbortSignal;
}

/**
 * Calls a handler, for at most `handlerTimeoutMs` and until the signal is aborted; see `ReadyHandling.run`.
 *
 * A handler cannot be stopped from outside. Of one that goes on after its time nothing is awaited any more: its signal is
 * aborted, its outbox refuses, and its transaction is being rolled back.
 */
export function callHandler<Tx, Dependencies>(
  parts: HandlingParts<Tx, Dependencies> & { readonly failed: HandlerFailureLog },
  { route, event, handled, tx, signal }: HandlerCall<Tx, Dependencies>,
): Promise<Outcome> {
  const { clock, handlerTimeoutMs, dependencies } = parts;
  if (signal.aborted) return Promise.reject(givenUp(signal, route.handlerName));
  const abort = new LazyAbort();
  const outbox = new LazyOutbox(() => bindOutbox(parts.outbox, tx, event));
  const context = Object.freeze({
    tx,
    get outbox() {
      return outbox.bound;
    },
    get signal() {
      return abort.signal;
    },
    get logger() {
      return loggerFor(parts.logger, event);
    },
    attempt: event.attemptsMade + 1,
    dependencies,
  });

  async function work(): Promise<Outcome> {
    const result = await route.handle(handled, context);
    await outbox.end();
    return outcomeOfResult(result, route.handlerName, clock.now());
  }

  return new Promise((resolve, reject) => {
    let isOver = false;
    const finish = (settle: () => void) => {
      isOver = true;
      cancelTimer();
      stopListening();
      outbox.close();
      settle();
    };
    const giveUp = (error: OmniBoxError) =>
      finish(() => {
        reject(error);
        abort.abort(error);
      });
    const cancelTimer = clock.schedule(handlerTimeoutMs, () => giveUp(timedOut(route.handlerName, handlerTimeoutMs)));
    const stopListening = onAbort(signal, () => giveUp(givenUp(signal, route.handlerName)));
    work().then(
      (outcome) => {
        if (isOver) context.logger.debug({}, "the handler ended after its time; what it wrote was rolled back");
        else finish(() => resolve(outcome));
      },
      (error: unknown) => {
        if (isOver)
          context.logger.debug({ error: describeFailure(error) }, "the handler failed after its time was over");
        else {
          parts.failed(route.handlerName, event, error);
          finish(() => reject(error));
        }
      },
    );
  });
}

/** Many handlers publish nothing. A class, as is the next one: an object with a getter of its own takes 2 µs to make. */
class LazyOutbox {
  private outbox: BoundOutbox | null = null;
  private isClosed = false;

  constructor(private readonly bind: () => BoundOutbox) {}

  get bound(): HandlerOutbox {
    if (this.outbox === null) {
      this.outbox = this.bind();
      if (this.isClosed) this.outbox.close();
    }
    return this.outbox.forHandler;
  }

  close(): void {
    this.isClosed = true;
    this.outbox?.close();
  }

  /** Refuses further events, and waits for those that were not awaited. */
  end(): Promise<void> | undefined {
    this.close();
    return this.outbox?.settled();
  }
}

/** Few handlers look at their signal, and making one takes longer than all else that a call costs. */
class LazyAbort {
  private controller: AbortController | null = null;
  private reason: OmniBoxError | null = null;

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.reason !== null) this.controller.abort(this.reason);
    return this.controller.signal;
  }

  abort(error: OmniBoxError): void {
    this.reason = error;
    this.controller?.abort(error);
  }
}

function timedOut(handlerName: string, timeoutMs: number): OmniBoxError {
  return new OmniBoxError(
    "INBOX.HANDLER_TIMEOUT",
    `${handlerName} took longer than ${timeoutMs} ms: make it faster, let it end when its signal is aborted, or raise handlerTimeoutMs`,
    { meta: { handlerName, timeoutMs } },
  );
}

/** A step that aborts with a reason of its own, such as a lost lock, is the one to say why. */
function givenUp({ reason }: AbortSignal, handlerName: string): OmniBoxError {
  if (isOmniBoxError(reason)) return reason;
  return new OmniBoxError(
    "INBOX.LEASE_LOST",
    `${handlerName} was given up: its event may be with another worker now, or the worker is stopping`,
    { meta: { handlerName } },
  );
}
