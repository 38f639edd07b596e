import type { BucketOperations, InboxEvent, InboxEventRepository } from "@omni-box/core";
import { type ReachPoint, withMethodPoints } from "./relay-kill-points.js";

/** The statements that an inbox processor sends while it owns the buckets of its group; `make` makes them. */
export type InboxBucketStatement =
  | "make"
  | keyof BucketOperations<InboxEvent>
  | keyof Pick<InboxEventRepository<unknown>, "recordPending" | "recordFailed" | "transaction">
  | "complete";

/** Where it is killed: directly before a statement is sent, or directly after it was answered with something. */
export type InboxBucketKillPoint = `${"before" | "after"} ${InboxBucketStatement}`;

/** The repository with the points in it. Those of `complete` are inside the handler's transaction, those of `transaction` around it. */
export function withInboxBucketPoints<Tx>(
  repository: InboxEventRepository<Tx>,
  reach: ReachPoint,
): InboxEventRepository<Tx> {
  const { bucketsOf } = repository;
  if (bucketsOf === undefined) throw new TypeError("the repository has no buckets");
  return withMethodPoints<InboxEventRepository<Tx>>(
    {
      ...repository,
      bucketsOf: (consumerGroup) => withMethodPoints({ ...bucketsOf(consumerGroup) }, reach),
      transaction: (work, options) => repository.transaction((tx) => work(withMethodPoints({ ...tx }, reach)), options),
    },
    reach,
  );
}

/** The client with the points of `make`, which is no method of a repository. */
export function withMakePoints<Client extends object>(client: Client, reach: ReachPoint): Client {
  return new Proxy(client, {
    get(_target, name) {
      const member: unknown = Reflect.get(client, name);
      if (name !== "$executeRawUnsafe" || typeof member !== "function") return member;
      return async (sql: string, ...values: unknown[]): Promise<unknown> => {
        const isMake = /INSERT INTO \S*inbox_bucket/.test(sql);
        if (isMake) reach("before make");
        const answer: unknown = await Reflect.apply(member, client, [sql, ...values]);
        if (isMake) reach("after make");
        return answer;
      };
    },
  });
}
