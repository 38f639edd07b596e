import { expect, it } from "vitest";
import { FifoList, FifoNode } from "./fifo-list.js";

function filled(...values: string[]) {
  const list = new FifoList<string>();
  const nodes = values.map((value) => new FifoNode(value));
  for (const node of nodes) list.append(node);
  return { list, nodes };
}

it("keeps the order of appending", () => {
  const { list } = filled("a", "b", "c");

  expect([...list]).toEqual(["a", "b", "c"]);
  expect(list.first).toBe("a");
  expect(list.size).toBe(3);
});

it.each([
  [0, ["b", "c"]],
  [1, ["a", "c"]],
  [2, ["a", "b"]],
])("lets the entry at %i be taken out", (index, rest) => {
  const { list, nodes } = filled("a", "b", "c");
  const node = nodes[index] as FifoNode<string>;

  list.remove(node);
  list.remove(node);

  expect([...list]).toEqual(rest);
  expect(list.size).toBe(2);
  expect(node.list).toBe(null);
});

it("moves an entry from one list to another", () => {
  const { list, nodes } = filled("a", "b");
  const other = filled("x");

  other.list.append(nodes[0] as FifoNode<string>);

  expect([...list]).toEqual(["b"]);
  expect([...other.list]).toEqual(["x", "a"]);
});

it("may lose the entry that was just given while it is walked", () => {
  const { list, nodes } = filled("a", "b", "c");
  const seen: string[] = [];

  for (const value of list) {
    seen.push(value);
    list.remove(nodes[seen.length - 1] as FifoNode<string>);
  }

  expect(seen).toEqual(["a", "b", "c"]);
  expect(list.first).toBe(undefined);
});
