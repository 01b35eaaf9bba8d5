import { once } from "node:events";
import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { json, text } from "node:stream/consumers";
import { type Json, mirrorOf, modern } from "./mcp-harness.js";

/** An endpoint and how to call it. */
export interface Endpoint {
  readonly url: string;
  readonly token?: string | undefined;
  /** Default: a connection of its own for each request. */
  readonly agent?: Agent;
}

export interface RpcAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Json;
}

/** Sends one JSON-RPC message that is answered with one JSON body. */
export async function post(to: Endpoint, message: Json): Promise<RpcAnswer> {
  const res = await send(to, message, "application/json");
  return { status: res.statusCode ?? 0, headers: res.headers, body: await json(res) };
}

/** A request whose body has not been sent. */
export interface UnderWay {
  /** Sends the body and waits for the answer. */
  finish(message: Json): Promise<RpcAnswer>;
  /** Settles with the error code when the connection is cut. */
  readonly cut: Promise<string>;
}

/** Opens a request; returns when the server has accepted its head and waits for the body. */
export async function begin({ url, token }: Endpoint): Promise<UnderWay> {
  const req = request(url, {
    method: "POST",
    agent: false,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      "content-type": "application/json",
      expect: "100-continue",
    },
  });
  req.flushHeaders();
  const cut = new Promise<string>((resolve) =>
    req.once("error", (error: NodeJS.ErrnoException) => resolve(String(error.code))),
  );
  await once(req, "continue");
  return {
    cut,
    async finish(message) {
      req.end(JSON.stringify(message));
      const [res] = (await once(req, "response")) as [IncomingMessage];
      return { status: res.statusCode ?? 0, headers: res.headers, body: await json(res) };
    },
  };
}

/** The result of a tool call. */
export async function call(to: Endpoint, name: string, args: Json = {}): Promise<Json> {
  const { body } = await post(to, modern("tools/call", { name, arguments: args }));
  if (body.error !== undefined) throw new Error(JSON.stringify(body.error));
  return body.result;
}

/** The names of the tools that are listed. */
export async function toolNames(to: Endpoint): Promise<string[]> {
  const { body } = await post(to, modern("tools/list"));
  return body.result.tools.map(({ name }: Json) => name);
}

/** GETs a path beside the endpoint. */
export async function get(to: Endpoint, path: string): Promise<{ status: number; text: string }> {
  const req = request(new URL(path, to.url), { agent: to.agent ?? false }).end();
  const [res] = (await once(req, "response")) as [IncomingMessage];
  return { status: res.statusCode ?? 0, text: await text(res) };
}

/** An open `subscriptions/listen`. */
export interface Subscription {
  /** The next message that nobody has taken yet; undefined at the end of the stream. */
  next(): Promise<Json | undefined>;
}

/** Subscribes to changes of the tool list; returns when the server has acknowledged it. */
export async function subscribe(to: Endpoint): Promise<Subscription> {
  const message = modern("subscriptions/listen", { notifications: { toolsListChanged: true } }, "sub");
  const res = await send(to, message, "application/json, text/event-stream");
  const messages = eventsOf(res);
  const next = async (): Promise<Json | undefined> => (await messages.next()).value;
  const first = await next();
  if (first?.method !== "notifications/subscriptions/acknowledged")
    throw new Error(`not acknowledged: ${res.statusCode} ${JSON.stringify(first)}`);
  return { next };
}

async function* eventsOf(res: IncomingMessage): AsyncGenerator<Json, undefined> {
  let rest = "";
  for await (const chunk of res.setEncoding("utf8")) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("data: ")) yield JSON.parse(line.slice(6));
  }
  return undefined;
}

async function send(
  { url, token, agent }: Endpoint,
  message: Json,
  accept: string,
): Promise<IncomingMessage> {
  const body = JSON.stringify(message);
  const isModern = message.params?._meta !== undefined;
  const req = request(url, {
    method: "POST",
    agent: agent ?? false,
    headers: {
      accept,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(isModern && mirrorOf(message)),
    },
  });
  req.end(body);
  const [res] = (await once(req, "response")) as [IncomingMessage];
  return res;
}
