import { describe, expect, it } from "vitest";
import { consumedMessage } from "../../test/consumed-message.js";
import { sampleInboxEvent } from "../../test/sample-inbox-event.js";
import { createManualClock } from "../testing/manual-clock.js";
import { Delivery } from "./inbox-consumer-delivery.js";
import { createMessagesInHand } from "./inbox-consumer-hand.js";
import { createKeyLanes } from "./key-lanes.js";

function deliveryOn(channel: AbortController): Delivery {
  const handle = { lost: channel.signal, ack() {}, requeue() {}, deadLetter() {} };
  return new Delivery(consumedMessage(), handle, { draft: sampleInboxEvent(), failure: null }, new Date(0), 0);
}

describe("key lanes", () => {
  it("let one message of a key in at a time, in order, and other keys beside it", async () => {
    const lanes = createKeyLanes();
    const channel = new AbortController();
    const turns: string[] = [];
    const enter = async (key: string, name: string) => {
      if (await lanes.enter(key, deliveryOn(channel))) turns.push(name);
    };
    const entering = [enter("a", "a-1"), enter("a", "a-2"), enter("b", "b-1"), enter("a", "a-3")];
    await Promise.all([entering[0], entering[2]]);
    expect(turns).toEqual(["a-1", "b-1"]);
    lanes.leave("a");
    await entering[1];
    lanes.leave("a");
    await entering[3];
    expect(turns).toEqual(["a-1", "b-1", "a-2", "a-3"]);
    lanes.leave("a");
    await enter("a", "a-4");
    expect(turns.at(-1)).toBe("a-4");
  });

  it("withdraw those whose channel is lost, and let the next one in", async () => {
    const lanes = createKeyLanes();
    const inHand = createMessagesInHand(createManualClock());
    const [old, young] = [new AbortController(), new AbortController()];
    const deliveries = [deliveryOn(old), deliveryOn(old), deliveryOn(young)];
    for (const delivery of deliveries) inHand.add(delivery);
    const [first, second, third] = deliveries.map((delivery) => lanes.enter("a", delivery));
    expect(await first).toBe(true);
    old.abort();
    expect(await second).toBe(false);
    lanes.leave("a");
    expect(await third).toBe(true);
  });

  it("withdraw all that wait when they are told to", async () => {
    const lanes = createKeyLanes();
    const channel = new AbortController();
    const entering = ["a", "a", "b", "b"].map((key) => lanes.enter(key, deliveryOn(channel)));
    lanes.withdrawAll();
    expect(await Promise.all(entering)).toEqual([true, false, true, false]);
  });
});
