import { once } from "node:events";
import {
  type ClientRequest,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as open,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import type { Principal } from "../../internal/auth/principal.js";
import type { Profile } from "../../internal/config/config.js";
import type { CallDeps, CallRecord } from "../../internal/mcp/call.js";
import { createElicitation } from "../../internal/mcp/elicitation.js";
import { createMcpHttp, type RequestRecord } from "../../internal/mcp/http.js";
import { createInFlight } from "../../internal/mcp/inflight.js";
import { createSubscriptions, type Subscriptions } from "../../internal/mcp/subscriptions.js";
import type { Tool } from "../../internal/tools/types.js";
import { createTestClock, type TestClock } from "./clock.js";
import { openWorkspaces, principalNamed, snapshotOf } from "./mcp-parts.js";
import { fixtureTools } from "./mcp-tools.js";

// biome-ignore lint/suspicious/noExplicitAny: what comes off the wire is looked at field by field
export type Json = any;

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Every JSON-RPC message of the body, whether it was JSON or SSE. */
  readonly messages: readonly Json[];
  /** The last message: the response. */
  readonly json: Json;
}

/** An exchange under way. */
export interface Exchange {
  /** Waits for the head of the answer. */
  head(): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders }>;
  /** Waits until what has come in so far satisfies `when`, and returns it. */
  until(when: (text: string) => boolean): Promise<string>;
  /** Waits for the end. */
  rest(): Promise<Answer>;
  /** Drops the connection, and settles when the server has seen that. The server must have the request already. */
  disconnect(): Promise<void>;
}

export interface PostOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Whose credential is shown; default "alice". */
  readonly as?: string;
  readonly path?: string;
}

export interface HarnessOptions {
  readonly tools?: readonly Tool[];
  readonly workspaces?: Readonly<Record<string, Profile>>;
  /** Grants of principals by name; everybody else may do everything. */
  readonly grants?: Readonly<Record<string, Partial<Principal>>>;
  readonly limits?: CallDeps["limits"];
  readonly instructions?: () => Promise<string>;
}

export interface McpHarness {
  readonly clock: TestClock;
  readonly subscriptions: Subscriptions;
  readonly calls: readonly CallRecord[];
  readonly bugs: readonly unknown[];
  readonly requests: readonly RequestRecord[];
  /** Puts another set of tools and workspaces in force, and tells subscribers. */
  change(options: Pick<HarnessOptions, "tools" | "workspaces">): void;
  /** Sends one message and waits for the whole answer. */
  post(message: Json, options?: PostOptions): Promise<Answer>;
  /** Sends one message; the answer is the test's to follow. */
  open(message: Json, options?: PostOptions): Exchange;
  close(): Promise<void>;
}

/** The protocol layer on a real socket, with time in the hands of the test. */
export async function startMcp(options: HarnessOptions = {}): Promise<McpHarness> {
  const clock = createTestClock();
  const subscriptions = createSubscriptions();
  const calls: CallRecord[] = [];
  const bugs: unknown[] = [];
  const requests: RequestRecord[] = [];
  const cleanups: (() => void)[] = [];
  let current = prepare(options);

  function prepare({ tools = fixtureTools, workspaces = { main: "full" } }: HarnessOptions) {
    const opened = openWorkspaces(workspaces);
    cleanups.push(opened.close);
    return snapshotOf({
      tools,
      workspaces: opened.workspaces,
      clock,
      onCall: (record) => calls.push(record),
      onBug: (_where, error) => bugs.push(error),
      ...(options.limits && { limits: options.limits }),
      ...(options.instructions && { instructions: options.instructions }),
    });
  }

  const principals = new Map<string, Principal>();
  const handle = createMcpHttp({
    clock,
    subscriptions,
    inFlight: createInFlight(),
    elicitation: createElicitation({ clock }),
    onRequest: (record) => requests.push(record),
  });
  const server = createServer(async (req, res) => {
    const name = req.headers.authorization?.replace("Bearer ", "") ?? "alice";
    const principal = principals.get(name) ?? principalNamed(name, options.grants?.[name]);
    principals.set(name, principal);
    const one = (header: string): string | undefined => req.headers[header] as string | undefined;
    await handle({
      body: JSON.parse((await buffer(req)).toString()) as Record<string, unknown>,
      headers: {
        protocolVersion: one("mcp-protocol-version"),
        mcpMethod: one("mcp-method"),
        mcpName: one("mcp-name"),
        accept: one("accept"),
        userAgent: one("user-agent"),
        sessionId: one("mcp-session-id"),
        forwardedFor: one("x-forwarded-for"),
      },
      principal,
      workspaceId: /^\/w\/([^/]+)\/mcp$/.exec(req.url ?? "")?.[1],
      snapshot: current,
      res,
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  /** The server's ends of the connections, by the client's port. */
  const sockets = new Map<number | undefined, Socket>();
  server.on("connection", (socket: Socket) => sockets.set(socket.remotePort, socket));

  function begin(message: Json, { headers, as = "alice", path = "/mcp" }: PostOptions = {}): Exchange {
    const request = open({
      port,
      path,
      method: "POST",
      agent: false,
      headers: { accept: both, authorization: `Bearer ${as}`, ...headers },
    });
    request.end(JSON.stringify(message));
    return follow(request, (clientPort) => sockets.get(clientPort));
  }

  return {
    clock,
    subscriptions,
    calls,
    bugs,
    requests,
    change(next) {
      current = prepare({ ...options, ...next });
      const { views } = current;
      subscriptions.refresh((principal, workspaceId) => views(principal, workspaceId)?.catalogue.hash);
    },
    open: begin,
    post: (message, post) => begin(message, post).rest(),
    async close() {
      subscriptions.endAll();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      for (const cleanup of cleanups) cleanup();
    },
  };
}

const both = "application/json, text/event-stream";

function follow(
  request: ClientRequest,
  serverSide: (clientPort: number | undefined) => Socket | undefined,
): Exchange {
  let text = "";
  const started = (async () => {
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    response.on("error", () => {});
    return { response, ended: new Promise<void>((resolve) => response.once("close", resolve)) };
  })();
  started.catch(() => {});

  const head = async () => {
    const { statusCode: status = 0, headers } = (await started).response;
    return { status, headers };
  };
  return {
    head,
    async until(when) {
      const { response } = await started;
      while (!when(text)) await once(response, "data");
      return text;
    },
    async rest() {
      await (await started).ended;
      const { status, headers } = await head();
      const messages = readMessages(headers["content-type"], text);
      return { status, headers, text, messages, json: messages.at(-1) };
    },
    async disconnect() {
      const socket = serverSide(request.socket?.localPort);
      if (socket === undefined) throw new Error("the server has no such connection");
      request.destroy();
      if (!socket.closed) await once(socket, "close");
    },
  };
}

function readMessages(type: string | undefined, text: string): Json[] {
  if (type === "application/json") return [JSON.parse(text)];
  return [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1] ?? ""));
}

/** A request of the handshake era. */
export function legacy(method: string, params: Json = {}, id: Json = 1): Json {
  return { jsonrpc: "2.0", id, method, params };
}

/** A request of 2026-07-28, without the headers that go with it. */
export function modern(method: string, params: Json = {}, id: Json = 1): Json {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    ...params._meta,
  };
  return { jsonrpc: "2.0", id, method, params: { ...params, _meta: meta } };
}

/** The mirror headers of a modern request. */
export function mirrorOf({ method, params }: Json): Record<string, string> {
  return {
    "mcp-protocol-version": params._meta["io.modelcontextprotocol/protocolVersion"],
    "mcp-method": method,
    ...(typeof params.name === "string" && { "mcp-name": params.name }),
  };
}
