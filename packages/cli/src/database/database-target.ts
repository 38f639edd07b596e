import { CliFailure } from "../cli-failure.js";
import type { Terminal } from "../terminal/terminal.js";

/** The options by which a command finds its database. */
export interface ConnectionOptions {
  readonly databaseUrl?: string;
  readonly schema?: string;
}

/** Where the tables are. */
export interface DatabaseTarget {
  /** With credentials: never shown. */
  readonly url: string;
  /** `undefined`: the search_path of the connection. */
  readonly schema: string | undefined;
  /** For people, without credentials. */
  readonly name: string;
}

/** Reads `--database-url` or DATABASE_URL, and `--schema` or the `schema` of the URL as Prisma writes it. */
export function databaseTarget(options: ConnectionOptions, { env }: Pick<Terminal, "env">): DatabaseTarget {
  const given = options.databaseUrl ?? env.DATABASE_URL;
  if (given === undefined || given === "") {
    throw CliFailure.usage("no database is named: set DATABASE_URL or give --database-url postgresql://…");
  }
  if (!URL.canParse(given))
    throw CliFailure.usage("the database URL is no URL: it has the form postgresql://host:5432/name");
  const url = new URL(given);
  if (!/^postgres(ql)?:$/.test(url.protocol)) {
    throw CliFailure.usage(`the database URL begins with ${url.protocol}//, and only postgresql:// is supported`);
  }
  const schema = options.schema ?? url.searchParams.get("schema") ?? undefined;
  // A parameter that Prisma's own URLs have and the server does not know.
  url.searchParams.delete("schema");
  const port = url.port === "" ? "" : `:${url.port}`;
  return { url: url.href, schema, name: `${url.hostname || "localhost"}${port}${decoded(url.pathname)}` };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw CliFailure.usage("the database URL has a % that begins no character: write %25 for the sign itself");
  }
}
