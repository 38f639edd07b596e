/** A notification as `pg` hands it over. */
export interface PgNotificationLike {
  readonly channel: string;
  readonly payload?: string | undefined;
}

/** The part of a connected `pg.Client` that a wake-up calls. Not of a `pg.Pool`, which would never get it back. */
export interface PgListenClientLike {
  query(sql: string, values?: string[]): Promise<unknown>;
  on(event: "notification", listener: (notification: PgNotificationLike) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  end(): Promise<void>;
}
