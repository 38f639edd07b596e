import type { StoredMessage } from "@omni-box/core";
import { type InboxMutant, readingAs, storedEvent } from "./inbox-mutant.js";

/** Faults of storing messages by themselves, of content and of what is claimed about itself. */
export const storeMutants: readonly InboxMutant[] = [
  {
    fault: "storing a message again makes it pending again",
    killedBy: "inbox.duplicates.store.unchanged",
    wrap: (base) => {
      const overwritten = new Set<string>();
      return {
        ...base,
        async store(rows) {
          const answers = await base.store(rows);
          for (const answer of answers) if (answer.kind === "duplicate") overwritten.add(answer.id);
          return answers;
        },
        async findById(id) {
          const event = await base.findById(id);
          return event && overwritten.has(id) ? { ...event, status: "pending", completedAt: null } : event;
        },
      };
    },
  },
  {
    fault: "a duplicate is answered as stored",
    killedBy: "inbox.duplicates.store.repeated",
    wrap: (base) => ({
      ...base,
      async store(rows) {
        const answers = await base.store(rows);
        return answers.map((answer): StoredMessage => ({ kind: "stored", id: "id" in answer ? answer.id : "" }));
      },
    }),
  },
  {
    fault: "a duplicate is answered with the id of its own delivery",
    killedBy: "inbox.duplicates.store.unchanged",
    wrap: (base) => ({
      ...base,
      async store(rows) {
        const answers = await base.store(rows);
        return answers.map((answer, index) => ({ ...answer, id: rows[index]?.draft.id ?? "" }));
      },
    }),
  },
  {
    fault: "rows are stored in another order than given",
    killedBy: "inbox.store.seq-order",
    wrap: (base) => ({ ...base, store: async (rows) => [...(await base.store([...rows].reverse()))].reverse() }),
  },
  {
    fault: "answers come in the order of storing, duplicates last",
    killedBy: "inbox.duplicates.store.among-new",
    wrap: (base) => ({
      ...base,
      store: async (rows) => [...(await base.store(rows))].sort((a, b) => (a.kind < b.kind ? 1 : -1)),
    }),
  },
  {
    fault: "attempts that were made inline are forgotten",
    killedBy: "inbox.store.statuses",
    wrap: (base) => ({ ...base, store: (rows) => base.store(rows.map((row) => ({ ...row, attemptsMade: 0 }))) }),
  },
  {
    fault: "every row is stored as pending",
    killedBy: "inbox.store.statuses",
    wrap: (base) => ({ ...base, store: (rows) => base.store(rows.map((row) => ({ ...row, status: "pending" }))) }),
  },
  {
    fault: "all rows wait as long as the first",
    killedBy: "inbox.store.delay",
    wrap: (base) => ({
      ...base,
      store: (rows) => base.store(rows.map((row) => ({ ...row, delayMs: rows[0]?.delayMs ?? null }))),
    }),
  },
  {
    fault: "a suspect is stored as a sound message",
    killedBy: "inbox.store.suspects",
    wrap: (base) => ({ ...base, store: (rows) => base.store(rows.map((row) => ({ ...row, startedAttempts: 0 }))) }),
  },
  {
    fault: "a large store loses its last rows",
    killedBy: "inbox.store.thousands",
    wrap: (base) => ({ ...base, store: (rows) => base.store(rows.slice(0, 1_000)) }),
  },
  {
    fault: "the consumer group is no part of what makes a duplicate",
    killedBy: "inbox.duplicates.store.groups",
    wrap: (base) => ({
      ...base,
      async store(rows) {
        const [row] = rows;
        const same = base.all().find(({ messageId }) => messageId === row?.draft.messageId);
        return same === undefined ? base.store(rows) : [{ kind: "duplicate", id: same.id, status: same.status }];
      },
    }),
  },
  {
    fault: "copies within one call are an error",
    killedBy: "inbox.duplicates.store.in-one-call",
    wrap: (base) => ({
      ...base,
      async store(rows) {
        const ids = rows.map(({ draft }) => draft.messageId);
        if (new Set(ids).size < ids.length) throw new Error("unique constraint");
        return base.store(rows);
      },
    }),
  },
  {
    fault: "a store looks for duplicates first and inserts later",
    killedBy: "inbox.parallel.store-meets-insert",
    wrap: (base) => ({
      ...base,
      async store(rows) {
        const known = rows.map(({ draft }) => storedEvent(base, draft));
        const answers = await base.store(rows);
        return answers.map((answer, index) =>
          answer.kind === "duplicate" && known[index] === undefined ? { kind: "stored", id: answer.id } : answer,
        );
      },
    }),
  },
  {
    fault: "a body without bytes is lost",
    killedBy: "inbox.content.empty-body",
    wrap: readingAs((event) => ({ ...event, body: event.body?.byteLength === 0 ? null : event.body })),
  },
  {
    fault: "the body is taken for text",
    killedBy: "inbox.content.body-bytes",
    wrap: readingAs((event) => ({
      ...event,
      body: event.body && Buffer.from(Buffer.from(event.body).toString("utf8")),
    })),
  },
  {
    fault: "a missing correlation id becomes an empty one",
    killedBy: "inbox.content.nulls",
    wrap: readingAs((event) => ({ ...event, correlationId: event.correlationId ?? "" })),
  },
  {
    fault: "text loses what is not ASCII",
    killedBy: "inbox.content.text",
    wrap: readingAs((event) => ({
      ...event,
      payload: JSON.parse(JSON.stringify(event.payload).replace(/[^ -~]/g, "?")),
    })),
  },
  {
    fault: "it does not claim a capability that was declared",
    killedBy: "inbox.capabilities.declared",
    wrap: (base) => ({ ...base, capabilities: { ...base.capabilities, keyHeads: false } }),
  },
  {
    fault: "a sound store is reported as broken",
    killedBy: "inbox.verify.sound",
    wrap: (base) => ({ ...base, verify: async () => ["the table is missing"] }),
  },
];
