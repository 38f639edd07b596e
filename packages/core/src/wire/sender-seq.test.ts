import { describe, expect, it } from "vitest";
import { consumedMessage } from "../../test/consumed-message.js";
import { decodeMessage } from "../inbox/decode-message.js";
import { anyParser } from "./any-parser.js";
import { envelopeParser } from "./envelope-body-parser.js";
import { rawParser } from "./raw-parser.js";
import { senderSeqOf } from "./sender-seq.js";

const options = { consumerGroup: "billing", messageMaxBytes: 1_000, maxAttempts: 3 };

describe("the number that a sender gave its event", () => {
  it.each([
    ["0", 0n],
    ["42", 42n],
    ["9223372036854775807", 2n ** 63n - 1n],
  ])("is read from %s", (text, seq) => {
    expect(senderSeqOf(text)).toBe(seq);
  });

  it.each([
    ["9223372036854775808"],
    ["99999999999999999999"],
    ["-1"],
    ["1.5"],
    ["0x10"],
    [" 1"],
    [""],
    [7],
    [undefined],
  ])("is none where the sender gave %j", (value) => {
    expect(senderSeqOf(value)).toBeNull();
  });

  it("is kept with the message, and no header of it", () => {
    const message = consumedMessage({ headers: { "omni-seq": "42", own: "x" } });
    const { draft } = decodeMessage(message, { ...options, parser: anyParser() });
    expect(draft).toMatchObject({ senderSeq: 42n, headers: { own: "x" } });
  });

  it("never makes a message unreadable", () => {
    for (const senderSeq of [-1n, 2n ** 63n, 1, "1", undefined]) {
      const parser = {
        name: "own",
        parse: (message: ReturnType<typeof consumedMessage>) => ({
          ...rawParser().parse(message),
          senderSeq: senderSeq as bigint,
        }),
      };
      const { draft, failure } = decodeMessage(consumedMessage(), { ...options, parser });
      expect([draft.senderSeq, failure]).toEqual([null, null]);
    }
  });

  it("is that of the envelope's body, whatever became of the headers", () => {
    const fields = { id: "1", type: "t", schemaVersion: "1", topic: "orders", partitionKey: "k", payload: {} };
    const read = (body: object) => envelopeParser().parse(consumedMessage({ headers: { "omni-seq": "9" }, body }));
    expect(read({ ...fields, seq: "42" }).senderSeq).toBe(42n);
    expect(read(fields).senderSeq).toBeNull();
  });
});
