import {
  type CreateEventInput,
  type EventDefinition,
  expecting,
  invalidOptions,
  objectWith,
  type StateTransition,
  type TransitionState,
  validateOptions,
} from "@omni-box/core";
import { z } from "zod";
import { schemaName } from "../postgresql/qualify-table.js";

/** The part of a model of a Prisma client, such as `prisma.order`, that a transition is defined with. */
export interface PrismaModelLike {
  readonly fields: object;
  readonly [types: symbol]: { readonly types: { readonly payload: { readonly scalars: object } } };
}

type ScalarsOf<Model extends PrismaModelLike> = Model[symbol]["types"]["payload"]["scalars"];

/** The names of a model's fields whose values are all of one kind. */
type FieldOf<Model extends PrismaModelLike, Value> = {
  [Name in keyof ScalarsOf<Model> & string]: ScalarsOf<Model>[Name] extends Value ? Name : never;
}[keyof ScalarsOf<Model> & string];

type StateFieldOf<Model extends PrismaModelLike> = FieldOf<Model, TransitionState | null>;
type VersionFieldOf<Model extends PrismaModelLike> = FieldOf<Model, number | bigint>;
type IdFieldOf<Model extends PrismaModelLike> = FieldOf<Model, string | number | bigint | Date>;
type IdOf<Model extends PrismaModelLike> = IdFieldOf<Model> | readonly [IdFieldOf<Model>, ...IdFieldOf<Model>[]];

/** The states that the type of a field lists. Of a text or a number it lists none, and the schema says which there are. */
type ListedStates<State> = State extends TransitionState | null
  ? string extends State
    ? never
    : number extends State
      ? never
      : State
  : never;

/** What an event's schema must accept to tell of the states of a field. */
type Notification<Model extends PrismaModelLike, Field> = StateTransition<
  ListedStates<ScalarsOf<Model>[Field & keyof ScalarsOf<Model>]>
>;

/** What the compiler says of an event that cannot tell of every state. */
interface StatesMissing {
  readonly schema: "does not accept a notification of every state of this field";
}

/** Options of {@link defineTransition}. */
export type TransitionOptions<
  Model extends PrismaModelLike,
  Field extends StateFieldOf<Model>,
  Schema extends EventDefinition["schema"],
> = {
  /** The model of a generated client, extended or not: `prisma.order`. */
  readonly model: Model;
  /** The field that holds the state: an enumeration, a text, an integer or a flag; no foreign key. */
  readonly stateField: Field;
  /** An integer that the application counts up with each change; its value after the change is told. Default: none is told. */
  readonly versionField?: VersionFieldOf<Model> | undefined;
  /** The event that tells of a change; `stateTransitionSchema` makes a schema for it. */
  readonly event: EventDefinition<string, Schema> &
    (Notification<Model, Field> extends CreateEventInput<Schema>["payload"] ? unknown : StatesMissing);
  /** `true`: rows that are created are told of as well, with `fromState: null`. Default `false`. */
  readonly includeCreations?: boolean | undefined;
  /** The database schema of the model's table. Default: the model's `@@schema`, else the connection's search_path. */
  readonly schema?: string | undefined;
} & ("id" extends IdFieldOf<Model>
  ? {
      /** What identifies a row, several fields in the order of the key; default `"id"`. */
      readonly idField?: IdOf<Model> | undefined;
    }
  : {
      /** What identifies a row, several fields in the order of the key. */
      readonly idField: IdOf<Model>;
    });

/** A field of a model whose changes are told of by events; see {@link defineTransition}. */
export interface Transition {
  /** The model's name in the Prisma schema. */
  readonly model: string;
  readonly stateField: string;
  readonly versionField: string | null;
  readonly idFields: readonly string[];
  readonly event: EventDefinition;
  readonly includeCreations: boolean;
  readonly schema: string | null;
}

/** What a model tells of a field. https://www.prisma.io/docs/orm/reference/prisma-client-reference#compare-columns-in-the-same-table */
interface FieldRefLike {
  readonly modelName: string;
  readonly typeName: string;
}

const fieldName = z.string().min(1);

const transitionOptions = z.strictObject({
  model: expecting<{ readonly fields: object }>("a model of a Prisma client, such as prisma.order", hasFields),
  stateField: fieldName,
  versionField: fieldName.optional(),
  idField: z.union([fieldName, z.array(fieldName).min(1)]).default("id"),
  event: objectWith<EventDefinition>("a definition made by defineEvent", "create"),
  includeCreations: z.boolean().default(false),
  schema: schemaName.optional(),
});

const made: unique symbol = Symbol.for("@omni-box/prisma.transition") as never;
const notAState: ReadonlySet<string> = new Set(["Json", "Bytes", "Decimal", "DateTime", "BigInt", "Float"]);
const notAnId: ReadonlySet<string> = new Set(["Json", "Bytes", "Decimal", "Float", "Boolean"]);
const versions: ReadonlySet<string> = new Set(["Int", "BigInt"]);

/**
 * Defines that each change of a state is told of by an event, added to the outbox by the transaction that makes the change.
 *
 * Give it to `omniBox({ outbox, transitions: [ … ] })`. The event has the aggregate's id as text (the values of several fields
 * joined by `:`, each encoded like a part of a URL), the state before, which was read while the row was locked, and the state after.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function defineTransition<
  Model extends PrismaModelLike,
  Field extends StateFieldOf<Model>,
  Schema extends EventDefinition["schema"],
>(options: TransitionOptions<Model, Field, Schema>): Transition {
  const checked = validateOptions("defineTransition", transitionOptions, options);
  const { model, stateField, versionField, event, includeCreations, schema } = checked;
  const idFields = typeof checked.idField === "string" ? [checked.idField] : checked.idField;
  const field = (name: string) => Reflect.get(model.fields, name) as FieldRefLike | undefined;

  const problems = [
    problemOf("stateField", stateField, field, (type) => !notAState.has(type)),
    versionField === undefined ? [] : problemOf("versionField", versionField, field, (type) => versions.has(type)),
    idFields.map((name) => problemOf("idField", name, field, (type) => !notAnId.has(type))),
  ].flat(2);
  const named = field(stateField);
  if (problems.length > 0 || named === undefined) throw invalidOptions("defineTransition", problems);

  const transition: Transition = {
    model: named.modelName,
    stateField,
    versionField: versionField ?? null,
    idFields: Object.freeze([...idFields]),
    event: event as EventDefinition,
    includeCreations,
    schema: schema ?? null,
  };
  return Object.freeze(Object.defineProperty(transition, made, { value: true }));
}

/** Tells whether {@link defineTransition} made this, also another copy of it. */
export function isTransition(value: unknown): value is Transition {
  return typeof value === "object" && value !== null && Object.hasOwn(value, made);
}

function hasFields(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const fields: unknown = Reflect.get(value, "fields");
  return typeof fields === "object" && fields !== null;
}

function problemOf(
  option: string,
  name: string,
  field: (name: string) => FieldRefLike | undefined,
  fits: (type: string) => boolean,
): string[] {
  const found = field(name);
  if (found === undefined) return [`${option}: the model has no column "${name}"`];
  return fits(found.typeName) ? [] : [`${option}: "${name}" cannot be of the type ${found.typeName}`];
}
