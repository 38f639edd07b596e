import { expect, it } from "vitest";
import { onAbort } from "./abort-listeners.js";

it("calls all who listen to a signal when it is aborted, save those who have ended it before", () => {
  const controller = new AbortController();
  const called: string[] = [];
  onAbort(controller.signal, () => called.push("first"));
  const end = onAbort(controller.signal, () => called.push("ended"));
  onAbort(controller.signal, () => called.push("second"));
  end();
  controller.abort();
  controller.abort();
  expect(called).toEqual(["first", "second"]);
});

it("keeps the listeners of different signals apart", () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const called: string[] = [];
  onAbort(one.signal, () => called.push("one"));
  onAbort(other.signal, () => called.push("other"));
  other.abort();
  expect(called).toEqual(["other"]);
});

it("lets a listener end its own listening while it is called", () => {
  const controller = new AbortController();
  const called: string[] = [];
  const end = onAbort(controller.signal, () => {
    end();
    called.push("ends itself");
  });
  onAbort(controller.signal, () => called.push("next"));
  controller.abort();
  expect(called).toEqual(["ends itself", "next"]);
});
