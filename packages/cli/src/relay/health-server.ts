import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exposeRelay, type ShownRelay } from "./relay-exposition.js";

/** Shows a relay's health and metrics over HTTP. */
export interface HealthServer {
  /** `http://host:port`. */
  readonly url: string;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/**
 * Answers `/health/live`, `/health/ready` and `/metrics`.
 *
 * Live: the relay is not stuck; an orchestrator may restart the process when it is not. Ready: it runs, also while the broker is
 * away. Neither says anything about blocked keys, which need a person.
 *
 * @throws the server's own error, such as EADDRINUSE.
 */
export async function openHealthServer(
  relay: ShownRelay,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<HealthServer> {
  const server = createServer((request, response) => respond(request, response, relay));
  server.listen(port, host);
  await once(server, "listening");
  const address = server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function respond({ method, url }: IncomingMessage, response: ServerResponse, relay: ShownRelay): void {
  const { status, type, body } = method === "GET" || method === "HEAD" ? answer(url ?? "", relay) : notAllowed;
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
  response.end(method === "HEAD" ? undefined : body);
}

const notAllowed: Answer = { status: 405, type: "text/plain; charset=utf-8", body: "only GET is answered\n" };

function answer(url: string, relay: ShownRelay): Answer {
  switch (url.split("?", 1)[0]) {
    case "/health/live":
      // While it starts or stops it works on that, and must be left to it.
      return healthAnswer(relay, ({ status, state }) => status !== "unhealthy" || state !== "running");
    case "/health/ready":
      return healthAnswer(relay, ({ status }) => status !== "unhealthy");
    case "/metrics":
      return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: exposeRelay(relay) };
    default:
      return {
        status: 404,
        type: "text/plain; charset=utf-8",
        body: "/health/live, /health/ready and /metrics are answered\n",
      };
  }
}

function healthAnswer(relay: ShownRelay, isWell: (health: ReturnType<ShownRelay["health"]>) => boolean): Answer {
  const health = relay.health();
  return {
    status: isWell(health) ? 200 : 503,
    type: "application/json; charset=utf-8",
    body: `${JSON.stringify(health)}\n`,
  };
}
