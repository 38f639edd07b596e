import { expectTypeOf, it } from "vitest";
import type { InboxEvent } from "./inbox-event.js";
import type { BaseEvent, OutboxEvent } from "./outbox-event.js";
import { payloadText, withPayloadText } from "./payload-text.js";

declare const outboxFields: Omit<OutboxEvent, "payload">;
declare const inboxFields: Omit<InboxEvent, "payload">;

it("an event with its payload as text has the type of any other", () => {
  expectTypeOf(withPayloadText<OutboxEvent>(outboxFields, "{}")).toEqualTypeOf<OutboxEvent>();
  expectTypeOf(withPayloadText<InboxEvent>(inboxFields, "{}")).toEqualTypeOf<InboxEvent>();
  expectTypeOf(payloadText).parameters.toEqualTypeOf<[BaseEvent]>();
  // @ts-expect-error the fields of another kind of event
  withPayloadText<OutboxEvent>(inboxFields, "{}");
});
