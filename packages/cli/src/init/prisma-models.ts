/** A model of a Prisma schema, as text. */
export interface PrismaModel {
  readonly name: string;
  /** With the comments before it. */
  readonly text: string;
  /** The lines that define fields, by the fields' names. */
  readonly fields: ReadonlyMap<string, string>;
  /** The lines that begin with `@@`. */
  readonly attributes: readonly string[];
}

// Prisma's grammar ends a block by a brace at the beginning of a line; no string or comment in a model can do so.
const modelPattern = /((?:^[ \t]*\/\/\/.*\n)*)^[ \t]*model[ \t]+(\w+)[ \t]*\{([\s\S]*?)^[ \t]*\}/gm;

/** Finds the models of a schema file. */
export function readModels(schema: string): readonly PrismaModel[] {
  return [...schema.replaceAll("\r\n", "\n").matchAll(modelPattern)].map(([text, , name = "", body = ""]) => {
    const lines = body.split("\n").filter((line) => /^\s*[\w@]/.test(line));
    const fields = lines.filter((line) => !line.trim().startsWith("@@"));
    return {
      name,
      text,
      fields: new Map(fields.map((line) => [/\w+/.exec(line)?.[0] ?? "", line])),
      attributes: lines.filter((line) => line.trim().startsWith("@@")),
    };
  });
}

/** A line by what it means: without its alignment and its comment. */
export function meaningOf(line: string): string {
  return line
    .replace(/\s\/\/.*$/, "")
    .replaceAll(/\s+/g, " ")
    .trim();
}
