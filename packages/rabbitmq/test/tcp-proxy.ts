import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * What the proxy does with bytes.
 *
 * - `pass`: hands them on, both ways.
 * - `black-hole`: drops them, both ways, and answers new connections with silence. What was open then stays dead.
 * - `hold-answers`: hands on what the client sends; keeps what the server answers until the mode changes to `pass`.
 * - `close`: accepts new connections and closes them at once; leaves the open ones alone.
 * - `reset`: resets new connections; leaves the open ones alone.
 */
export type TcpProxyMode = "pass" | "black-hole" | "hold-answers" | "close" | "reset";

/** A TCP proxy that can break in the ways a network does. */
export interface TcpProxy {
  readonly port: number;
  /** Connections that were accepted so far. */
  readonly accepted: number;
  setMode(mode: TcpProxyMode): void;
  /** Resets every open connection. */
  cut(): void;
  /** Resolves when `count` connections have been accepted in all. */
  waitForAccepted(count: number): Promise<void>;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  isBlack: boolean;
}

/** Starts a proxy on a free port of the loopback interface, in mode `pass`. */
export async function startTcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  const waiting = new Set<() => void>();
  let mode: TcpProxyMode = "pass";
  let accepted = 0;

  const listener = createServer((client) => {
    accepted += 1;
    // Errors are what this proxy is for; the other side learns of them by the closing of its socket.
    client.on("error", ignore);
    for (const check of waiting) check();
    if (mode === "reset") client.resetAndDestroy();
    else if (mode === "close") client.end().destroySoon();
    else pairs.add(join(client));
  });

  function join(client: Socket): Pair {
    const server = connect(target);
    const pair: Pair = { client, server, isBlack: mode === "black-hole" };
    server.on("error", ignore);
    client.on("data", (bytes) => !pair.isBlack && server.write(bytes));
    server.on("data", (bytes) => !pair.isBlack && client.write(bytes));
    if (mode === "hold-answers") server.pause();
    client.on("close", () => {
      pairs.delete(pair);
      server.destroy();
    });
    server.on("close", () => {
      // A black hole says nothing, not even that it is over.
      if (!pair.isBlack) client.destroy();
    });
    return pair;
  }

  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    setMode(next) {
      mode = next;
      for (const pair of pairs) {
        if (mode === "black-hole") pair.isBlack = true;
        if (mode === "hold-answers") pair.server.pause();
        if (mode === "pass") pair.server.resume();
      }
    },
    cut() {
      for (const { client, server } of pairs) {
        client.resetAndDestroy();
        server.resetAndDestroy();
      }
    },
    waitForAccepted(count) {
      return new Promise((resolve) => {
        const check = () => {
          if (accepted < count) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      });
    },
    async close() {
      const closed = once(listener, "close");
      listener.close();
      for (const { client, server } of pairs) {
        client.destroy();
        server.destroy();
      }
      await closed;
    },
  };
}

function ignore(): void {
  // See where it is used.
}
