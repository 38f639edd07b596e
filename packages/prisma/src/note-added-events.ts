/** Under which a transaction client of the extension `omniBox` is told of events; registered, for applications with two copies of us. */
const added = Symbol.for("@omni-box/prisma.added");

/** Tells the transaction's client, if the extension made it, that events were added through it, by whatever way. */
export function noteAddedEvents(client: object): void {
  addedEventsListener(client)?.();
}

/** Who is told of events that are added through this client; `undefined` outside a transaction and without the extension. */
export function addedEventsListener(client: unknown): (() => void) | undefined {
  if (typeof client !== "object" || client === null) return undefined;
  const listener: unknown = Reflect.get(client, added);
  return typeof listener === "function" ? () => void listener() : undefined;
}

/** Wraps a transaction client: `onAdded` is told of events, and the members given replace the client's own. */
export function listenForAddedEvents<Client extends object>(
  client: Client,
  onAdded: () => void,
  members: Readonly<Record<PropertyKey, unknown>>,
): Client {
  // A property set on the transaction client would end up on the client that all transactions share.
  return new Proxy(client, {
    get(target, property) {
      if (property === added) return onAdded;
      return Object.hasOwn(members, property) ? members[property] : Reflect.get(target, property);
    },
  });
}
