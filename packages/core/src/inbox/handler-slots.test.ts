import { describe, expect, it } from "vitest";
import { createHandlerSlots, type HandlerSlots } from "./handler-slots.js";

const breathe = () => new Promise((resolve) => setImmediate(resolve));

/** Lets handlers ask for turns; they leave when told to. */
function entering(slots: HandlerSlots) {
  const atWork = new Map<string, () => void>();
  const dismissed: string[] = [];
  return {
    atWork,
    dismissed,
    enter: (name: string, alone = false) =>
      void slots.enter(alone).then((leave) => (leave === null ? dismissed.push(name) : atWork.set(name, leave))),
    async leave(name: string) {
      atWork.get(name)?.();
      atWork.delete(name);
      await breathe();
    },
  };
}

describe("handler slots", () => {
  it("let in as many as there may be, in the order in which they asked", async () => {
    const { enter, leave, atWork } = entering(createHandlerSlots(2));
    for (const name of ["a", "b", "c", "d"]) enter(name);
    await breathe();
    expect([...atWork.keys()]).toEqual(["a", "b"]);
    await leave("b");
    expect([...atWork.keys()]).toEqual(["a", "c"]);
  });

  it("let one that wants to be alone wait for the others, and nobody overtake it", async () => {
    const { enter, leave, atWork } = entering(createHandlerSlots(2));
    enter("a");
    enter("alone", true);
    enter("later");
    await breathe();
    expect([...atWork.keys()]).toEqual(["a"]);
    await leave("a");
    expect([...atWork.keys()]).toEqual(["alone"]);
    enter("last");
    await breathe();
    expect([...atWork.keys()]).toEqual(["alone"]);
    await leave("alone");
    expect([...atWork.keys()]).toEqual(["later", "last"]);
  });

  it("take a turn back once, however often it is given back", async () => {
    const { enter, leave, atWork } = entering(createHandlerSlots(1));
    enter("a");
    await breathe();
    const leaveA = atWork.get("a");
    enter("b");
    enter("c");
    await leave("a");
    leaveA?.();
    await breathe();
    expect([...atWork.keys()]).toEqual(["b"]);
  });

  it("send those away that wait, and none that is at work", async () => {
    const slots = createHandlerSlots(1);
    const { enter, leave, atWork, dismissed } = entering(slots);
    for (const name of ["a", "b", "c"]) enter(name);
    await breathe();
    slots.dismiss();
    await breathe();
    expect([[...atWork.keys()], dismissed]).toEqual([["a"], ["b", "c"]]);
    await leave("a");
    enter("d");
    await breathe();
    expect([...atWork.keys()]).toEqual(["d"]);
  });

  it("say when there is room, counting those that wait", async () => {
    const slots = createHandlerSlots(2);
    const { enter, leave } = entering(slots);
    await slots.whenRoom();
    for (const name of ["a", "b", "c"]) enter(name);
    let hasRoom = false;
    void slots.whenRoom().then(() => {
      hasRoom = true;
    });
    await breathe();
    await leave("a");
    expect(hasRoom).toBe(false);
    await leave("b");
    expect(hasRoom).toBe(true);
  });

  it("tell when nothing is at work alone any more", async () => {
    const slots = createHandlerSlots(2);
    const { enter, leave } = entering(slots);
    await slots.whenNoneAlone();
    enter("alone", true);
    await breathe();
    let isOver = false;
    void slots.whenNoneAlone().then(() => {
      isOver = true;
    });
    await breathe();
    expect(isOver).toBe(false);
    await leave("alone");
    expect(isOver).toBe(true);
  });
});
