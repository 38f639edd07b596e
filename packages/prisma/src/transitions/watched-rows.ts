import { limits, OmniBoxError } from "@omni-box/core";
import { mapPrismaErrorInTransaction } from "../map-prisma-error.js";
import type { PrismaTransactionLike } from "../prisma-client-like.js";
import { lockStatements } from "./lock-statements.js";
import { isOneOf, type Row, rowNamedBy } from "./row.js";
import type { WatchedModel } from "./watched-model.js";

/** The operations of a generated model that rows are read by. */
interface ModelReaderLike {
  findMany(args: object): PromiseLike<Row[]>;
  findUnique(args: object): PromiseLike<Row | null>;
}

/** Which rows an operation is about. */
export interface RowSelection {
  readonly where: unknown;
  /** `where` names one row by a unique key. */
  readonly isUnique: boolean;
  readonly limit?: unknown;
}

/** Rows that nobody else can change before the transaction ends. */
export interface LockedRows {
  readonly rows: readonly Row[];
  /** `where` alone names exactly these rows. */
  readonly isExact: boolean;
  /** Where the rows' versions are stored; changes with each update of a row. */
  readonly places: readonly string[];
}

/** Reads and locks the rows of one model through a transaction's client without extensions. */
export interface WatchedRows {
  /** Locks the rows that `where` means, as PostgreSQL would for an update, and reads them. */
  lock(selection: RowSelection): Promise<LockedRows>;
  /** Tells whether there is a row that `where` means. */
  isThere(selection: RowSelection): Promise<boolean>;
  /** Reads the rows as they are now, in the order of their ids. */
  read(rows: readonly Row[]): Promise<readonly Row[]>;
  /**
   * Looks whether it was these rows that were updated.
   *
   * @throws {OmniBoxError} OUTBOX.TRANSITION_REFUSED when they are rows of another table, so that nothing was locked.
   */
  confirmChanged(locked: LockedRows, changed: number): Promise<void>;
}

/** Times that rows are locked and read again because others came or went in between. */
const lockAttempts = 5;

export function createWatchedRows(client: PrismaTransactionLike, model: WatchedModel): WatchedRows {
  const reader = Reflect.get(client, model.delegate) as ModelReaderLike;
  const idSelect = Object.fromEntries(model.idFields.map((field) => [field, true] as const));
  const orderBy = model.idFields.map((field) => ({ [field]: "asc" }));
  const rowsMax = Math.floor(limits.addMaxEvents / model.transitions.length);

  async function find({ where, isUnique, limit }: RowSelection): Promise<readonly Row[]> {
    if (isUnique) {
      const row = await reader.findUnique({ where, select: idSelect });
      return row === null ? [] : [row];
    }
    const take = typeof limit === "number" ? Math.min(limit, rowsMax + 1) : rowsMax + 1;
    const rows = await reader.findMany({ where, select: idSelect, take });
    if (rows.length > rowsMax) throw tooMany(model, rowsMax);
    return rows;
  }

  async function placesOf(rows: readonly Row[], isLocking: boolean): Promise<string[]> {
    const places: string[] = [];
    for (const { sql, values } of lockStatements(model, rows, isLocking)) {
      try {
        const found = await client.$queryRawUnsafe<{ place: string }[]>(sql, ...values);
        places.push(...found.map(({ place }) => place));
      } catch (error) {
        throw mapPrismaErrorInTransaction(error, `lock the rows of ${model.name}`);
      }
    }
    return places;
  }

  const read = async (rows: readonly Row[]): Promise<readonly Row[]> =>
    rows.length === 0 ? [] : reader.findMany({ where: isOneOf(model, rows), select: model.select, orderBy });

  return {
    read,
    isThere: async (selection) => (await find(selection)).length > 0,
    async lock(selection) {
      const named = selection.isUnique ? rowNamedBy(model, selection.where) : undefined;
      const wanted = named === undefined ? await find(selection) : [named];
      for (let attempt = 1; ; attempt += 1) {
        const places = await placesOf(wanted, true);
        const rows = await read(wanted);
        // A row that came after the lock could be changed by others, and is locked by the next attempt.
        if (places.length === rows.length) return { rows, places, isExact: named !== undefined && rows.length > 0 };
        if (attempt >= lockAttempts) throw wrongTable(model);
      }
    },
    async confirmChanged({ rows, places }, changed) {
      const before = new Set(places);
      const unchanged = (await placesOf(rows, false)).filter((place) => before.has(place)).length;
      if (unchanged > rows.length - changed) throw wrongTable(model);
    },
  };
}

function tooMany(model: WatchedModel, rowsMax: number): OmniBoxError {
  return new OmniBoxError(
    "OUTBOX.TRANSITION_REFUSED",
    `the operation means more than ${rowsMax} rows of ${model.name}, whose changes are told of one by one: ` +
      "do it in parts, for example with limit, in a transaction each",
    { meta: { model: model.name, limit: rowsMax } },
  );
}

function wrongTable(model: WatchedModel): OmniBoxError {
  return new OmniBoxError(
    "OUTBOX.TRANSITION_REFUSED",
    `the table ${model.table} does not hold the rows of ${model.name}: give defineTransition the schema that the model's ` +
      "table is in, which is the schema option of the driver adapter if it has one",
    { meta: { model: model.name } },
  );
}
