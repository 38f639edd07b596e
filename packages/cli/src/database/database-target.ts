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
  if (!URL.canParse(given)) {
    throw CliFailure.usage(
      "the database URL is no URL: it has the form postgresql://user:password@host:5432/name, where # / ? @ % in a name or password are written %23 %2F %3F %40 %25",
    );
  }
  const url = new URL(given);
  if (!/^postgres(ql)?:$/.test(url.protocol)) {
    throw CliFailure.usage(`the database URL begins with ${url.protocol}//, and only postgresql:// is supported`);
  }
  const schema = options.schema ?? url.searchParams.get("schema") ?? undefined;
  // A parameter that Prisma's own URLs have and the server does not know.
  url.searchParams.delete("schema");
  const port = url.port === "" ? "" : `:${url.port}`;
  return { url: url.href, schema, name: `${url.hostname || "localhost"}${port}${databaseName(url)}` };
}

function databaseName({ pathname }: URL): string {
  try {
    return decodeURIComponent(pathname);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw CliFailure.usage("the name of the database in its URL has a percent sign that encodes nothing: write %25");
  }
}
