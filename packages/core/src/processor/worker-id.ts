import { randomBytes } from "node:crypto";
import { hostname } from "node:os";

/** A name for people to read: host, process id and a random part. */
export function defaultWorkerId(): string {
  return `${hostname().slice(0, 200)}:${process.pid}:${randomBytes(4).toString("hex")}`;
}
