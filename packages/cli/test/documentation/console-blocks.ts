/** A block of a page that is run: `<!-- run: scene -->` and a fence of `console`. */
export interface ConsoleBlock {
  /** What has to be there before it; none: what the blocks before left. */
  readonly scene: string | undefined;
  readonly commands: readonly { readonly line: string; readonly output: string }[];
}

const blockPattern = /(<!-- run(?:: ([^>]+?))? -->\n```console\n)([\s\S]*?)(\n```)/g;

export function findConsoleBlocks(text: string): readonly ConsoleBlock[] {
  return [...text.matchAll(blockPattern)].map(([, , scene, content = ""]) => ({
    scene,
    commands: commandsOf(content),
  }));
}

/** The page with other outputs, those of each command of each block. */
export function withOutputs(text: string, outputs: readonly (readonly string[])[]): string {
  let index = -1;
  return text.replaceAll(blockPattern, (_block, opening: string, _scene, content: string, closing: string) => {
    index += 1;
    const lines = commandsOf(content).map(({ line }, at) => `$ ${line}\n${outputs[index]?.[at] ?? ""}`);
    return `${opening}${lines.join("\n")}${closing}`;
  });
}

function commandsOf(content: string): readonly { readonly line: string; readonly output: string }[] {
  return content
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [line = "", ...output] = part.trimEnd().split("\n");
      return { line, output: output.join("\n") };
    });
}

/** A command line as its words; quotes hold words together. */
export function splitWords(line: string): readonly string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}
