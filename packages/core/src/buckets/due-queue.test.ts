import fc from "fast-check";
import { expect, it } from "vitest";
import { createDueQueue } from "./due-queue.js";

it("gives what is due, earliest first and equal ones in turn, and nothing before its time", () => {
  const step = fc.oneof(fc.record({ add: fc.nat(20) }), fc.record({ takeAt: fc.nat(20) }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = createDueQueue<number>();
      const left: { readonly item: number; readonly atMs: number }[] = [];
      for (const [item, next] of steps.entries()) {
        if ("add" in next) {
          queue.add(item, next.add);
          left.push({ item, atMs: next.add });
          continue;
        }
        const due = left
          .filter(({ atMs }) => atMs <= next.takeAt)
          .sort((a, b) => a.atMs - b.atMs || a.item - b.item)[0];
        expect(queue.takeDue(next.takeAt)).toBe(due?.item);
        if (due !== undefined) left.splice(left.indexOf(due), 1);
      }
    }),
  );
});
