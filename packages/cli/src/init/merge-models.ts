import { meaningOf, type PrismaModel, readModels } from "./prisma-models.js";

/** One file of the user's schema. */
export interface SchemaFile {
  readonly path: string;
  readonly text: string;
}

/** What becomes of one of our models. */
export interface ModelPlan {
  readonly model: string;
  readonly file: string;
  /**
   * `add`: it is not there. `extend`: fields are missing. `keep`: the user changed it, and it stays. `conflict`: a model of the
   * user's own has this name.
   */
  readonly action: "add" | "extend" | "keep" | "conflict" | "none";
  /** Fields that are missing. */
  readonly missing: readonly string[];
  /** Our lines that the user has otherwise. */
  readonly different: readonly string[];
}

/** What is to be written. */
export interface SchemaPlan {
  readonly models: readonly ModelPlan[];
  /** Files with their new text; only those that change. */
  readonly files: readonly SchemaFile[];
}

/**
 * Plans how the models come into a schema: whole models and single fields are added, and nothing that is there is changed.
 *
 * @param shipped - the schema file with our models
 * @param files - all files of the user's schema
 * @param home - the file that takes models which are missing; it need not exist yet
 */
export function mergeModels(shipped: string, files: readonly SchemaFile[], home: string): SchemaPlan {
  const texts = new Map(files.map(({ path, text }) => [path, text.replaceAll("\r\n", "\n")]));
  const before = new Map(texts);
  const ours = readModels(shipped);
  const models = ours.map((model): ModelPlan => {
    for (const [path, text] of texts) {
      const theirs = readModels(text).find(({ name }) => name === model.name);
      if (theirs === undefined) continue;
      const plan = comparePlan(model, theirs, path);
      const extended = plan.action === "extend" ? withFields(theirs.text, model, plan.missing) : theirs.text;
      texts.set(
        path,
        text.replace(theirs.text, () => extended),
      );
      return plan;
    }
    return { model: model.name, file: home, action: "add", missing: [], different: [] };
  });

  const added = ours.filter(({ name }) => models.some(({ model, action }) => model === name && action === "add"));
  const homeText = texts.get(home)?.trimEnd();
  // A file of its own gets the shipped one as it is, with the comment at its head.
  if (homeText === undefined && added.length === ours.length) texts.set(home, shipped);
  else if (added.length > 0)
    texts.set(home, `${[homeText ?? "", ...added.map(({ text }) => text)].join("\n\n").trimStart()}\n`);
  const changed = [...texts].filter(([path, text]) => before.get(path) !== text);
  return { models, files: changed.map(([path, text]) => ({ path, text })) };
}

function comparePlan(ours: PrismaModel, theirs: PrismaModel, file: string): ModelPlan {
  const model = ours.name;
  const missing = [...ours.fields.keys()].filter((field) => !theirs.fields.has(field));
  // A model of the same name that has nothing to do with ours would be spoilt by our fields.
  if (missing.length > ours.fields.size / 2) return { model, file, action: "conflict", missing, different: [] };
  const lines = new Set([...theirs.fields.values(), ...theirs.attributes].map(meaningOf));
  const different = [...ours.fields, ...ours.attributes.map((line) => ["", line] as const)]
    .filter(([field, line]) => !missing.includes(field) && !lines.has(meaningOf(line)))
    .map(([, line]) => meaningOf(line));
  const action = missing.length > 0 ? "extend" : different.length > 0 ? "keep" : "none";
  return { model, file, action, missing, different };
}

/** The user's model with more fields behind those it has. */
function withFields(text: string, { fields }: PrismaModel, missing: readonly string[]): string {
  const added = missing.map((name) => fields.get(name) ?? "").join("\n");
  const lines = text.split("\n");
  const attribute = lines.findIndex((line) => line.trim().startsWith("@@"));
  const at = attribute < 0 ? lines.length - 1 : attribute;
  // The empty line that stands before the attributes stays there.
  const before = lines[at - 1]?.trim() === "" ? at - 1 : at;
  return [...lines.slice(0, before), added, ...lines.slice(before)].join("\n");
}
