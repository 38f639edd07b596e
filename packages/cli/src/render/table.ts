import Table from "cli-table3";

const nothing = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** Rows under their headings, in columns that are as wide as they must be: easy to read, to search and to cut. */
export function renderTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...headings],
    chars: nothing,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  table.push(...rows.map((row) => row.map(printable)));
  return `${withoutTrailingSpace(table.toString())}\n`;
}

/** Names and values in two columns. */
export function renderPairs(pairs: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return `${withoutTrailingSpace(pairs.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`).join("\n"))}\n`;
}

/** Keys and errors come from elsewhere: what moves a terminal's cursor or colours is shown as what it is. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

function withoutTrailingSpace(text: string): string {
  return text.replaceAll(/[^\S\n]+$/gm, "");
}
