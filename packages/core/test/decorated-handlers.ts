import type { EventDefinition } from "../src/events/define-event.js";
import type { eventHandler as EventHandler } from "../src/routing/event-handler.js";
import type { HandledEvent } from "../src/routing/handled-event.js";
import type { HandlerContext } from "../src/routing/handler-context.js";
import type { EventHandlerResult } from "../src/routing/handler-result.js";

/** The parts that the classes are made of. Nothing is imported, so that the compiled file can be loaded by itself. */
export interface HandlerParts {
  readonly eventHandler: typeof EventHandler;
  readonly placed: EventDefinition<"order.placed">;
  readonly strictlyPlaced: EventDefinition<"order.placed">;
  readonly paid: EventDefinition<"order.paid">;
}

/** What tests see of the classes. */
export interface DeclaredHandlers {
  readonly ShippingHandlers: new (name: string) => { readonly seen: string[] };
  readonly SlowShippingHandlers: new (name: string) => { readonly seen: string[] };
  readonly PrivateHandlers: new () => { result(): readonly unknown[] };
  readonly MorePrivateHandlers: new () => object;
  readonly StrictHandlers: new (name: string) => object;
  readonly ContradictoryHandlers: new () => object;
  readonly HandlersWithoutTopic: new () => object;
  readonly declareStaticHandler: () => unknown;
}

/** Classes with decorated methods, compiled by tsc before they are tested: neither Node.js nor Vite 8 reads decorators. */
export function declareHandlers({ eventHandler, placed, strictlyPlaced, paid }: HandlerParts): DeclaredHandlers {
  class ShippingHandlers {
    static readonly topic: string = "orders";
    readonly seen: string[] = [];
    readonly #name: string;

    constructor(name: string) {
      this.#name = name;
    }

    @eventHandler(placed)
    async onPlaced(event: HandledEvent<"order.placed", unknown>, { tx }: HandlerContext<string>) {
      this.note("onPlaced", event.type, tx);
    }

    @eventHandler({ type: "order.cancelled" })
    onCancelled(event: HandledEvent<"order.cancelled">): EventHandlerResult {
      this.note("onCancelled", event.type);
      return { status: "skipped", reason: this.#name };
    }

    /** Not marked, and therefore nobody's handler. */
    protected note(...words: string[]) {
      this.seen.push([this.#name, ...words].join(" "));
    }
  }

  /** Overrides one method without marking it, one with another mark, and adds one. */
  class SlowShippingHandlers extends ShippingHandlers {
    static override readonly topic: string = "slow-orders";

    override async onPlaced(event: HandledEvent<"order.placed", unknown>, context: HandlerContext<string>) {
      await super.onPlaced(event, context);
      this.note("and slowly");
    }

    @eventHandler({ type: "order.cancelled" })
    @eventHandler({ type: "order.returned", topic: "returns" })
    override onCancelled(): EventHandlerResult {
      this.note("slowly cancelled");
      return { status: "completed" };
    }

    @eventHandler(paid)
    onPaid() {}
  }

  class PrivateHandlers {
    #count = 0;

    @eventHandler(placed)
    #onPlaced() {
      this.#count += 1;
    }

    result() {
      return [this.#count, typeof this.#onPlaced];
    }
  }

  /** A private method of the same name is another method. */
  class MorePrivateHandlers extends PrivateHandlers {
    @eventHandler(placed)
    #onPlaced() {}

    override result() {
      return [typeof this.#onPlaced];
    }
  }

  /** Marks an override with another definition of the same version. */
  class StrictHandlers extends ShippingHandlers {
    @eventHandler(strictlyPlaced)
    override async onPlaced() {}
  }

  /** Two methods for the same event. */
  class ContradictoryHandlers {
    @eventHandler(placed)
    one() {}
    @eventHandler(placed)
    two() {}
  }

  class HandlersWithoutTopic {
    @eventHandler({ type: "order.cancelled" })
    onCancelled() {}
  }

  function declareStaticHandler() {
    return class StaticHandlers {
      readonly isInstance = true;
      @eventHandler(placed)
      static onPlaced() {}
    };
  }

  return {
    ShippingHandlers,
    SlowShippingHandlers,
    PrivateHandlers,
    MorePrivateHandlers,
    StrictHandlers,
    ContradictoryHandlers,
    HandlersWithoutTopic,
    declareStaticHandler,
  };
}
