import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { EventDefinition } from "../events/define-event.js";
import type { InboxEvent } from "../events/inbox-event.js";
import type { JsonObject } from "../events/json.js";

/** A received event as a handler sees it: its payload is migrated and validated, in the schema's output form. */
export interface HandledEvent<Type extends string = string, Payload = JsonObject>
  extends Pick<
    InboxEvent,
    | "messageId"
    | "consumerGroup"
    | "source"
    | "topic"
    | "partitionKey"
    | "headers"
    | "traceId"
    | "correlationId"
    | "causationId"
  > {
  readonly type: Type;
  /** The version that the payload has now. */
  readonly schemaVersion: string;
  /** The version that it was sent with. */
  readonly receivedVersion: string;
  readonly payload: Payload;
  /** When the message was first stored here, or received if it is not stored yet. */
  readonly receivedAt: Date;
}

/** The event that handlers of a definition receive. */
export type EventOf<Definition> =
  Definition extends EventDefinition<infer Type, infer Schema>
    ? HandledEvent<Type, StandardSchemaV1.InferOutput<Schema>>
    : never;
