import { invalidOptions } from "../errors/validate-options.js";
import type { EventDefinition } from "../events/define-event.js";
import { type EventMigration, stepName } from "../events/event-migration.js";
import type { JsonObject } from "../events/json.js";
import { migratePayload } from "./migrate-payload.js";
import { byLongestPrefix } from "./version-prefixes.js";

/** The versions of event types, and how payloads get from one to another. */
export interface EventSchemaRegistry {
  /**
   * Adds definitions and their migrations. Adding the same definition, or the same migration in several definitions, again
   * changes nothing.
   *
   * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when another definition has that type and version, or another migration goes
   *   from and to the same versions.
   */
  register(...definitions: readonly EventDefinition[]): this;

  /** The definition for a version, else for its longest beginning by dot-separated parts (1.2.3, 1.2, 1), or `null`. */
  find(type: string, version: string): EventDefinition | null;

  /**
   * The shortest way from a version to one that is wanted, or `null`; empty when the version is wanted itself. Of several
   * shortest ones the migrations that were registered first win.
   *
   * From each version go the migrations of its longest beginning that has any: one from 1.2 keeps those from 1 away from 1.2.3.
   */
  path(type: string, from: string, isWanted: (version: string) => boolean): readonly EventMigration[] | null;

  /**
   * Runs the migrations of a path one after the other.
   *
   * @throws {OmniBoxError} MESSAGE.MIGRATION_FAILED when one throws, or answers with something else than a plain JSON object;
   *   names the type and the step, and nothing of the payload.
   */
  migrate(type: string, payload: JsonObject, path: readonly EventMigration[]): Promise<JsonObject>;
}

/** What is known of one event type. */
interface TypeVersions {
  readonly definitions: Map<string, EventDefinition>;
  /** By `from`. */
  readonly migrations: Map<string, EventMigration[]>;
}

/** Creates an empty registry. Routers have their own, one per topic. */
export function createEventSchemaRegistry(): EventSchemaRegistry {
  const types = new Map<string, TypeVersions>();

  const registry: EventSchemaRegistry = Object.freeze({
    register(...definitions: readonly EventDefinition[]) {
      for (const definition of definitions) {
        const versions = types.get(definition.type) ?? { definitions: new Map(), migrations: new Map() };
        assertNew(versions, definition);
        types.set(definition.type, versions);
        versions.definitions.set(definition.version, definition);
        for (const migration of definition.migrations) addOnce(versions, migration);
      }
      return registry;
    },
    find(type: string, version: string) {
      const versions = types.get(type);
      return (versions === undefined ? undefined : byLongestPrefix(versions.definitions, version)) ?? null;
    },
    path(type: string, from: string, isWanted: (version: string) => boolean) {
      return shortestPath(types.get(type)?.migrations ?? new Map(), from, isWanted);
    },
    migrate: migratePayload,
  });
  return registry;
}

function assertNew({ definitions, migrations }: TypeVersions, definition: EventDefinition): void {
  const { type, version } = definition;
  const problems: string[] = [];
  const known = definitions.get(version);
  if (known !== undefined && known !== definition)
    problems.push(`"${type}" version "${version}" has a definition already`);
  for (const migration of definition.migrations) {
    const same = migrations.get(migration.from)?.find(({ to }) => to === migration.to);
    if (same !== undefined && same.migrate !== migration.migrate) {
      problems.push(`"${type}" has another migration ${stepName(migration)} already`);
    }
  }
  if (problems.length > 0) throw invalidOptions("EventSchemaRegistry.register", problems);
}

function addOnce({ migrations }: TypeVersions, migration: EventMigration): void {
  const siblings = migrations.get(migration.from) ?? [];
  if (!siblings.some(({ to }) => to === migration.to)) siblings.push(migration);
  migrations.set(migration.from, siblings);
}

/** Breadth first; every version is reached once, so that cycles end by themselves. */
function shortestPath(
  migrations: ReadonlyMap<string, readonly EventMigration[]>,
  from: string,
  isWanted: (version: string) => boolean,
): readonly EventMigration[] | null {
  const paths = new Map<string, readonly EventMigration[]>([[from, []]]);
  // A Map also hands out what is added while it is being read.
  for (const [version, path] of paths) {
    if (isWanted(version)) return path;
    for (const migration of byLongestPrefix(migrations, version) ?? []) {
      if (!paths.has(migration.to)) paths.set(migration.to, [...path, migration]);
    }
  }
  return null;
}
