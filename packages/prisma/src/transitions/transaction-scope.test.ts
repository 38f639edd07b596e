import { describe, expect, it } from "vitest";
import type { PrismaTransactionLike } from "../prisma-client-like.js";
import { createTransactionScope } from "./transaction-scope.js";

const client = (name: string) => ({ name }) as unknown as PrismaTransactionLike;
const [outer, inner] = [client("outer"), client("inner")];
const untold = new Error("not told");

describe("the scope of a transaction", () => {
  it("knows the client of the innermost transaction, and none after the end", async () => {
    const scope = createTransactionScope();
    await scope.within(outer, async () => {
      expect(scope.client).toBe(outer);
      await scope.within(inner, () => expect(scope.client).toBe(inner));
      expect(scope.client).toBe(outer);
      await expect(scope.within(inner, () => Promise.reject(untold))).rejects.toBe(untold);
      expect(scope.client).toBe(outer);
    });
    expect(() => scope.client).toThrow(/CONFIG\.TRANSACTION_REQUIRED.*after its transaction had ended/);
  });

  it("runs operations one after the other, also after one that failed", async () => {
    const scope = createTransactionScope();
    const steps: string[] = [];
    const step = (name: string, failure?: Error) =>
      scope.inTurn(async () => {
        steps.push(`${name} begins`);
        await Promise.resolve();
        steps.push(`${name} ends`);
        if (failure !== undefined) throw failure;
        return name;
      });
    await scope.within(outer, async () => {
      const results = await Promise.allSettled([step("a"), step("b", untold), step("c")]);
      expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    });
    expect(steps).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  });

  it("ends when the operations have ended that the work has not waited for", async () => {
    const scope = createTransactionScope();
    let hasEnded = false;
    await scope.within(outer, () => {
      void scope.inTurn(async () => {
        await Promise.resolve();
        hasEnded = true;
      });
    });
    expect(hasEnded).toBe(true);
  });

  it("fails with what could not be told, although the work has caught it", async () => {
    const scope = createTransactionScope();
    const work = () => scope.mustSucceed(Promise.reject(untold)).catch(() => "caught");
    await expect(scope.within(outer, work)).rejects.toBe(untold);
  });

  it("fails for the nested transaction alone in which that was", async () => {
    const scope = createTransactionScope();
    const work = () => scope.mustSucceed(Promise.reject(untold)).catch(() => "caught");
    const result = scope.within(outer, async () => {
      await expect(scope.within(inner, work)).rejects.toBe(untold);
      return "kept";
    });
    expect(await result).toBe("kept");
  });

  it("answers with what the work answers", async () => {
    const scope = createTransactionScope();
    expect(await scope.within(outer, () => 1)).toBe(1);
    expect(await scope.within(outer, () => scope.mustSucceed(Promise.resolve(2)))).toBe(2);
  });
});
