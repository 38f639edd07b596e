/** A value's place in a {@link FifoList}. One node is in at most one list; it moves without allocation. */
export class FifoNode<T> {
  list: FifoList<T> | null = null;
  previous: FifoNode<T> | null = null;
  next: FifoNode<T> | null = null;

  constructor(readonly value: T) {}
}

/** A queue whose entries can also be removed from the middle in constant time, which timed-out messages need. */
export class FifoList<T> {
  #size = 0;
  #head: FifoNode<T> | null = null;
  #tail: FifoNode<T> | null = null;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#head?.value;
  }

  /** Puts the node at the end, taking it out of the list that it was in. */
  append(node: FifoNode<T>): void {
    node.list?.remove(node);
    node.list = this;
    node.previous = this.#tail;
    if (this.#tail === null) this.#head = node;
    else this.#tail.next = node;
    this.#tail = node;
    this.#size += 1;
  }

  /** Takes the node out; a node that is not in this list is left alone. */
  remove(node: FifoNode<T>): void {
    if (node.list !== this) return;
    if (node.previous === null) this.#head = node.next;
    else node.previous.next = node.next;
    if (node.next === null) this.#tail = node.previous;
    else node.next.previous = node.previous;
    node.list = null;
    node.previous = null;
    node.next = null;
    this.#size -= 1;
  }

  /** The values in order. The value just given may be taken out meanwhile. */
  *[Symbol.iterator](): Generator<T> {
    for (let node = this.#head; node !== null; ) {
      const next: FifoNode<T> | null = node.next;
      yield node.value;
      node = next;
    }
  }
}
