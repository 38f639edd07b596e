/** More names than this are not kept; a message has at most 100 headers of its own. */
const namesMax = 200;

/**
 * The headers of one message after the other, in one object.
 *
 * amqplib makes the given headers the prototype of an object of its own. V8 makes hidden classes for each object that becomes a
 * prototype, which costs more than all the rest of the encoding: 13 µs a message, 8 µs with an object that has been one before.
 */
export class HeaderTable {
  #table: Record<string, string | undefined> = Object.create(null);

  /** A table of these headers, to be used before the next call; amqplib leaves out those that are `undefined`. */
  of(headers: Readonly<Record<string, string>>): Readonly<Record<string, string | undefined>> {
    const table = this.#table;
    let count = 0;
    for (const name in headers) {
      table[name] = headers[name];
      count += 1;
    }
    const names = Object.keys(table);
    // Of earlier messages, or added by somebody who looks on, such as a tracing library.
    if (names.length > count) for (const name of names) if (!Object.hasOwn(headers, name)) table[name] = undefined;
    if (names.length > namesMax) this.#table = Object.create(null);
    return table;
  }
}
