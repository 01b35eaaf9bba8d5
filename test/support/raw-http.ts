import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createBearerAuth } from "../../internal/auth/bearer.js";
import { systemClock } from "../../internal/clock/clock.js";
import { createRequestGate, type RequestGateOptions } from "../../internal/httpd/gate.js";
import { createHandler, type HttpSnapshot, type McpRequest } from "../../internal/httpd/handler.js";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "../../internal/httpd/server.js";
import { sendJson } from "../../internal/httpx/json.js";
import { createLog, type Log } from "../../internal/log/log.js";
import { createRedactor } from "../../internal/log/redact.js";

export const token = "test-token-0123456789";
/** Headers that a good POST needs besides Host and the length. */
export const postHeaders = `Authorization: Bearer ${token}\r\nContent-Type: application/json\r\n`;

export interface Response {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface TestServer {
  readonly port: number;
  readonly server: HttpServer;
  readonly log: Log;
  /** What reached the MCP side. */
  readonly reached: McpRequest<HttpSnapshot>[];
  close(): Promise<void>;
}

export interface TestServerOptions {
  readonly gate?: Partial<RequestGateOptions>;
  readonly server?: Partial<HttpServerOptions>;
  readonly current?: () => Partial<HttpSnapshot>;
  readonly draining?: () => boolean;
  readonly handle?: (request: McpRequest<HttpSnapshot>) => void | Promise<void>;
}

/** The real listener and handler with bearer auth; the MCP side echoes the body unless a test says otherwise. */
export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const reached: McpRequest<HttpSnapshot>[] = [];
  const gate = createRequestGate({
    hostname: "mcp.example.com",
    listen: { host: "127.0.0.1", port: 8765 },
    allowedOrigins: ["https://app.example.org"],
    ...options.gate,
  });
  const snapshot: HttpSnapshot = {
    gate,
    auth: createBearerAuth({
      token,
      principal: { id: "bearer", label: "bearer token", workspaces: undefined, profile: "full" },
    }),
    signIn: undefined,
    card: Buffer.from('{"server":{"name":"x"}}'),
  };
  const handle = options.handle ?? (({ res, body }) => sendJson(res, 200, { echo: body }));
  const log = createLog({
    level: "debug",
    stream: { write: () => {}, on: () => {} },
    env: {},
    redactor: createRedactor(),
    clock: systemClock,
  });
  const handler = createHandler({
    current: () => ({ ...snapshot, ...options.current?.() }),
    draining: options.draining ?? (() => false),
    mcp: {
      handle: (request) => {
        reached.push(request);
        return handle(request);
      },
    },
    log,
  });
  const server = createHttpServer({ handler, connections: 100, ...options.server });
  await server.listen("127.0.0.1", 0);
  return { port: server.address().port, server, log, reached, close: () => server.close(0) };
}

/** A bare node:http server that answers 200 to everything: the control of every gate test. */
export async function startBare(listener: RequestListener = (_, res) => res.end("ok")): Promise<{
  readonly port: number;
  close(): Promise<void>;
}> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Opens a socket whose errors are kept quiet: tests look at what arrived. */
export async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Sends raw bytes and reads the first response; the connection may stay open behind it. */
export async function exchange(port: number, bytes: string | Buffer): Promise<Response> {
  const socket = await dial(port);
  try {
    socket.write(bytes);
    return await readResponse(socket);
  } finally {
    socket.destroy();
  }
}

/** Reads one response with a Content-Length, or up to the end of the connection. Status 0: nothing came. */
export function readResponse(socket: Socket): Promise<Response> {
  return new Promise((resolve) => {
    let text = "";
    const onData = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      const response = parseResponse(text);
      if (response !== undefined && response.body.length >= lengthOf(response)) settle(response);
    };
    const onClose = (): void => settle(parseResponse(text) ?? { status: 0, headers: new Map(), body: text });
    function settle(response: Response): void {
      socket.off("data", onData).off("close", onClose);
      resolve(response);
    }
    socket.on("data", onData).on("close", onClose);
  });
}

/** Not a number when only the end of the connection tells. */
function lengthOf({ status, headers }: Response): number {
  return status === 204 ? 0 : Number(headers.get("content-length"));
}

function parseResponse(text: string): Response | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const [statusLine = "", ...lines] = text.slice(0, headEnd).split("\r\n");
  if (statusLine.startsWith("HTTP/1.1 100")) return parseResponse(text.slice(headEnd + 4));
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(statusLine.split(" ")[1]), headers, body: text.slice(headEnd + 4) };
}

/** A whole POST /mcp with a JSON body and a Host that is always right. */
export function post(body: string, options: { path?: string; headers?: string } = {}): string {
  const { path = "/mcp", headers = postHeaders } = options;
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** A request without a body. */
export function request(method: string, path: string, headers = ""): string {
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
}

/** The JSON-RPC error code of a response. */
export function rpcCode(response: Response): unknown {
  const { error } = JSON.parse(response.body) as { error?: { code?: unknown } };
  return error?.code;
}
