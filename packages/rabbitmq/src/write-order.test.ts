import { beforeEach, expect, it } from "vitest";
import { encodeMessage } from "./encode-message.js";
import { FifoList } from "./fifo-list.js";
import { Publication, type PublicationHolder } from "./publication.js";
import { WriteOrder } from "./write-order.js";

const holder: PublicationHolder = { enqueue() {}, expire() {}, afterExpiry() {} };
let order: WriteOrder;
let unconfirmed: FifoList<Publication>;

beforeEach(() => {
  order = new WriteOrder(2);
  unconfirmed = new FifoList();
});

function publication(id: string, partitionKey = id): Publication {
  const message = encodeMessage(
    {
      id,
      topic: "orders",
      type: "order.placed",
      partitionKey,
      contentType: "application/json",
      body: Buffer.from("{}"),
      headers: {},
      correlationId: null,
      timestamp: new Date(0),
    },
    undefined,
  );
  return new Publication(
    message,
    partitionKey,
    holder,
    0,
    undefined,
    () => {},
    () => {},
  );
}

/** Writes whatever may be written; returns the ids. */
function write(): string[] {
  const written: string[] = [];
  for (let next = order.next(unconfirmed); next !== undefined; next = order.next(unconfirmed)) {
    unconfirmed.append(next.place);
    written.push(next.message.id);
  }
  return written;
}

function settle(id: string): void {
  for (const entry of unconfirmed) if (entry.message.id === id) unconfirmed.remove(entry.place);
}

it("writes in the order of the calls, up to the window", () => {
  for (const id of ["a", "b", "c"]) order.enqueue(publication(id));

  expect(write()).toEqual(["a", "b"]);
  settle("b");
  expect(write()).toEqual(["c"]);
  expect(order.isEmpty).toBe(true);
});

it("writes suspects one at a time, and newer messages only when the last of them is settled", () => {
  order.enqueue(publication("new 1"));
  order.enqueue(publication("new 2"));
  order.isolate([publication("suspect 1"), publication("suspect 2")]);

  expect(write()).toEqual(["suspect 1"]);
  settle("suspect 1");
  expect(write()).toEqual(["suspect 2"]);
  expect(write()).toEqual([]);
  settle("suspect 2");
  expect(write()).toEqual(["new 1", "new 2"]);
});

it("stops the later suspects of a key of which one failed, and no others", () => {
  const [first, second, other, fresh] = [
    publication("1", "key"),
    publication("2", "key"),
    publication("3", "other"),
    publication("4", "key"),
  ] as const;
  order.isolate([first, second, other]);

  order.noteFailure(first);

  expect([second, other, fresh].map((entry) => order.isStopped(entry))).toEqual([true, false, false]);
});

it("forgets the failures of an earlier search", () => {
  const before = publication("1", "key");
  order.isolate([before]);
  order.noteFailure(before);
  const after = publication("2", "key");

  order.isolate([after]);

  expect(order.isStopped(after)).toBe(false);
});
