import type { ExaminedDatabase } from "./examined-database.js";
import { type DoctorFinding, findingsOf } from "./finding.js";
import { readTables, type TableFact, type TablePart } from "./read-tables.js";
import { readShippedTables, type ShippedTables } from "./shipped-tables.js";

const migrate = "run applyOmniBoxMigrations or prisma migrate deploy";

/** How parts of tables are spoken of, and what is to be done when one is not as shipped. */
const parts: Readonly<Record<TablePart, { readonly name: string; readonly different: string }>> = {
  column: { name: "columns", different: "change it back in a migration of your own" },
  constraint: { name: "constraints", different: "drop it and add it as the shipped migration does" },
  index: { name: "indexes", different: "drop it and create it as the shipped migration does" },
  sequence: { name: "sequences", different: "alter the sequence back: its numbers are the order of the events" },
  setting: {
    name: "storage settings",
    different: "set it as the shipped migration does, unless you have measured that yours is better",
  },
};

/** Compares tables, columns, constraints, indexes, sequences and storage settings with what the migrations make. */
export async function checkTables(database: ExaminedDatabase): Promise<readonly DoctorFinding[]> {
  const facts = await readTables(database);
  const shipped = await readShippedTables();
  const found = new Set(facts.map(({ table }) => table));
  const missing = Object.keys(shipped).filter((name) => !found.has(name));
  const tables = findingsOf("tables");
  const where = database.schema === undefined ? "on the search_path" : `in the schema "${database.schema}"`;
  if (found.size === 0) {
    const advice = `${migrate}, or correct the option schema`;
    return [tables.problem(`there is none of omni-box's tables ${where}`, advice)];
  }
  return [
    missing.length === 0
      ? tables.ok(`all ${found.size} are there`)
      : tables.problem(`missing ${where}: ${missing.join(", ")}`, migrate),
    ...(Object.keys(parts) as TablePart[]).flatMap((part) => compare(part, facts, shipped, found)),
    ...furtherIndexes(facts, shipped),
  ];
}

function compare(
  part: TablePart,
  facts: readonly TableFact[],
  shipped: ShippedTables,
  tables: ReadonlySet<string>,
): readonly DoctorFinding[] {
  const findings = findingsOf(parts[part].name);
  const actual = new Map(facts.filter((fact) => fact.part === part).map((fact) => [nameOf(fact), fact]));
  const wrong: DoctorFinding[] = [];
  let count = 0;
  for (const [table, { [part]: definitions }] of Object.entries(shipped)) {
    if (!tables.has(table)) continue;
    for (const [name, definition] of Object.entries(definitions)) {
      count += 1;
      const fact = actual.get(nameOf({ table, name }));
      const finding = differenceOf(part, { table, name, definition }, fact);
      if (finding !== null) wrong.push(finding);
    }
  }
  return wrong.length === 0 ? [findings.ok(`all ${count} are as the migrations make them`)] : wrong;
}

function differenceOf(
  part: TablePart,
  { table, name, definition }: Pick<TableFact, "table" | "name" | "definition">,
  fact: TableFact | undefined,
): DoctorFinding | null {
  const findings = findingsOf(parts[part].name);
  // A storage setting makes things slow, not wrong.
  const complain = part === "setting" ? findings.warning : findings.problem;
  const { different } = parts[part];
  if (fact === undefined) {
    const advice = part === "setting" ? different : `${migrate}; if the migrations are recorded, create it as they do`;
    return complain(`${name} of ${table} is missing; the migrations say ${definition}`, advice);
  }
  if (!fact.isValid) {
    return complain(
      `${name} of ${table} is not valid, so that no query uses it`,
      `REINDEX INDEX CONCURRENTLY "${name}"`,
    );
  }
  if (fact.definition === definition) return null;
  return complain(`${name} of ${table} is ${fact.definition}; the migrations say ${definition}`, different);
}

function furtherIndexes(facts: readonly TableFact[], shipped: ShippedTables): readonly DoctorFinding[] {
  return facts
    .filter(({ part, table, name }) => part === "index" && shipped[table]?.index[name] === undefined)
    .map(({ table, name }) =>
      findingsOf("indexes").warning(
        `${table} has a further index, ${name}`,
        "each one makes every insert and many updates slower: drop it unless you need it, and let none hold a column that workers change",
      ),
    );
}

function nameOf({ table, name }: Pick<TableFact, "table" | "name">): string {
  return `${table}.${name}`;
}
