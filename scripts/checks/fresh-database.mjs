// @ts-check
import { randomUUID } from "node:crypto";

/**
 * Does something with an empty database of its own in a PostgreSQL server, and removes that database.
 *
 * @template T
 * @param {string} serverUrl
 * @param {(databaseUrl: string) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withFreshDatabase(serverUrl, work) {
  const name = `omni_box_${randomUUID().replaceAll("-", "")}`;
  await execute(serverUrl, `CREATE DATABASE ${name}`);
  try {
    const url = new URL(serverUrl);
    url.pathname = `/${name}`;
    return await work(url.href);
  } finally {
    await execute(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  }
}

/**
 * @param {string} url
 * @param {string} sql
 */
async function execute(url, sql) {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
