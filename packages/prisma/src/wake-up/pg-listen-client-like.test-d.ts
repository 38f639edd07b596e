import pg from "pg";
import { createPostgresqlWakeUp } from "./create-postgresql-wake-up.js";
import type { PgListenClientLike } from "./pg-listen-client-like.js";

declare const client: pg.Client;
declare const pool: pg.Pool;

// The real types of pg fit the subset.
client satisfies PgListenClientLike;
createPostgresqlWakeUp({
  connect: async () => {
    const connected = new pg.Client("postgresql://localhost/shop");
    await connected.connect();
    return connected;
  },
});

// @ts-expect-error a pool is no connection.
createPostgresqlWakeUp({ connect: async () => pool });
