import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A service over HTTP that steps and handlers call, and that can go away and come back. */
export interface CalledService {
  /** How often it was called while it was there. */
  readonly answered: number;
  /** How often it was called in vain. */
  readonly refused: number;
  /** Rejects when the service is away. */
  call(): Promise<void>;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
}

/** Starts the service on a free port of this machine. */
export async function startCalledService(): Promise<CalledService> {
  let port = 0;
  let answered = 0;
  let refused = 0;
  const server = createServer((_request, response) => {
    answered += 1;
    response.writeHead(204, { connection: "close" }).end();
  });

  async function comeBack(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    port = (server.address() as AddressInfo).port;
  }

  await comeBack();
  return {
    get answered() {
      return answered;
    },
    get refused() {
      return refused;
    },
    async call() {
      try {
        await fetch(`http://127.0.0.1:${port}/`);
      } catch (error) {
        refused += 1;
        throw error;
      }
    },
    goAway: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    comeBack,
  };
}
