import { createEventRouter, type EventRouter, type HandlerContext, PermanentError } from "@omni-box/core";
import type { PrismaTransactionLike } from "@omni-box/prisma";

/** What the messages of the fault tests ask their handler for. */
export interface EffectPayload {
  /** Processes that the message kills before it lets itself be handled; 0 for a harmless one. */
  readonly kills: number;
  /** Attempts that throw, after the effect was written. */
  readonly fails: number;
  /** Whether the attempt after those fails for good. */
  readonly isHopeless: boolean;
}

/** Where a test takes hold of a handler. */
export interface HandlerHooks {
  /** After the effect was written, before the handler returns. */
  afterWrite?(payload: EffectPayload, context: HandlerContext<PrismaTransactionLike>): Promise<unknown>;
}

/** A router whose handler writes one row into the table `effect`, which counts every time that it is committed. */
export function createEffectRouter(schema: string, hooks: HandlerHooks = {}): EventRouter<PrismaTransactionLike> {
  return createEventRouter<PrismaTransactionLike>().on(
    { type: "thing.happened", topic: schema },
    async (event, context) => {
      const sql = `INSERT INTO "${schema}".effect (message_id) VALUES ($1::text)`;
      await context.tx.$executeRawUnsafe(sql, event.messageId);
      const { kills = 0, fails = 0, isHopeless } = event.payload;
      const payload: EffectPayload = { kills: Number(kills), fails: Number(fails), isHopeless: isHopeless === true };
      await hooks.afterWrite?.(payload, context);
      if (context.attempt <= payload.fails) throw new Error(`attempt ${context.attempt} fails`);
      if (payload.isHopeless) throw new PermanentError("it can never be handled");
    },
  );
}
