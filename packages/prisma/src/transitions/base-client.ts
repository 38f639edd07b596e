import type { PrismaTransactionLike } from "../prisma-client-like.js";

/** The part of an extended client by which the extensions are found. */
export interface ExtendedClientLike {
  /** The client as it was before its last extension; of a client without extensions, itself. */
  readonly $parent?: unknown;
  $extends(extension: object): ExtendedClientLike;
}

/** How many extensions a client has. */
export function depthOf(client: ExtendedClientLike): number {
  let depth = 0;
  let current: unknown = client;
  for (let parent = parentOf(current); parent !== undefined && parent !== current; parent = parentOf(current)) {
    current = parent;
    depth += 1;
  }
  return depth;
}

/** A transaction's client without any of its extensions, which could change what is read through it. */
export function baseOf(tx: PrismaTransactionLike, depth: number): PrismaTransactionLike {
  let current: unknown = tx;
  for (let level = 0; level < depth; level += 1) current = parentOf(current) ?? current;
  return current as PrismaTransactionLike;
}

function parentOf(client: unknown): unknown {
  return typeof client === "object" && client !== null ? (Reflect.get(client, "$parent") as unknown) : undefined;
}
