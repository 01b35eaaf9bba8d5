import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Agent, fetch as fetchThrough, type Response } from "undici";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bufferedFault } from "../../internal/tunnel/public-faults.js";
import { withDaemon } from "../support/daemon-in-process.js";
import { type Json, legacy, mirrorOf, modern } from "../support/mcp-harness.js";
import { fixtureTool } from "../support/mcp-parts.js";
import {
  behind,
  type Changes,
  everythingThrough,
  publicHost,
  publicOrigin,
  reverseProxies,
} from "../support/reverse-proxy.js";
import { withSignIn } from "../support/sign-in.js";
import { startClient2, startSdk1 } from "../support/sign-in-libraries.js";

const url = `${publicOrigin}/mcp`;
const exposed = { hostname: publicHost, tunnel: { provider: "none" } };

/** Proxies that are set hostile bear this much silence: the shortest limit met at an edge. */
const idle = "15s";
/** Longer than that, by enough for a stream that says something at its start only to be cut. */
const silentMs = 20_000;

const hostile: Readonly<Record<string, Changes>> = {
  nginx: [
    [
      "proxy_buffering off;",
      "proxy_buffering on; gzip on; gzip_types *; gzip_proxied any; gzip_min_length 0;",
    ],
    ["proxy_read_timeout 5m;", `proxy_read_timeout ${idle}; send_timeout ${idle};`],
  ],
  Caddy: [
    ["\treverse_proxy", "\tencode gzip\n\treverse_proxy"],
    ["\t\ttransport http {", "\t\tflush_interval 1h\n\t\ttransport http {"],
    ["keepalive 90s", `keepalive 90s\n\t\t\tresponse_header_timeout ${idle}\n\t\t\tread_timeout ${idle}`],
  ],
};

/** Worse: here it does not help to ask for streaming, and the owner has to do what is said about it. */
const deaf: Readonly<Record<string, { readonly changes: Changes; readonly cure: string }>> = {
  nginx: {
    changes: [["proxy_buffering on;", "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;"]],
    cure: "proxy_buffering off",
  },
  Caddy: { changes: [["flush_interval 1h", "buffer_responses"]], cure: "take buffer_responses out" },
};

/** Milliseconds within which a stream has to say something. */
const firstByteMs = 3_000;

for (const [name, proxy] of reverseProxies) {
  test(`${name}: clients sign in and work, and everything names the public URL`, async () => {
    await withSignIn({ config: exposed }, async (daemon) => {
      const originPort = Number(new URL(daemon.origin).port);
      await behind(proxy, { originPort }, (agent) =>
        everythingThrough(agent, async () => {
          const document = async (path: string): Promise<Json> =>
            (await fetch(`${publicOrigin}/.well-known/${path}`)).json();
          const resource = await document("oauth-protected-resource/mcp");
          assert.equal([resource.resource, resource.authorization_servers], [url, [publicOrigin]]);
          const server = await document("oauth-authorization-server");
          assert.is(server.issuer, publicOrigin);
          for (const key of ["authorization_endpoint", "token_endpoint", "registration_endpoint"])
            assert.ok(server[key].startsWith(`${publicOrigin}/`), key);
          for (const start of [startSdk1, startClient2("auto")]) {
            const client = await start(daemon, url);
            assert.ok((await client.tools()).includes("read_file"));
            assert.is(client.signIns(), 1);
            await client.close();
          }
        }),
      );
    });
  });

  test(`${name}: a silent call has its first byte at once, and ends when its client hangs up`, async () => {
    await withSilentTool(30_000, async ({ originPort, token, ended }) => {
      await behind(proxy, { originPort }, async (agent) => {
        const hangUp = new AbortController();
        const answer = await callSilent(agent, { era: modern, token, signal: hangUp.signal });
        assert.is(await read(answer).next(), ":\n\n");
        hangUp.abort();
        assert.is(await ended, "aborted");
      });
    });
  });
}

test("Caddy that is told to flush at once does not tell the daemon that a client has hung up", async () => {
  const [, caddy] = reverseProxies.find(([name]) => name === "Caddy") ?? [];
  if (caddy === undefined) throw new Error("Caddy is not tried");
  await withSilentTool(5_000, async ({ originPort, token, ended }) => {
    const changes: Changes = [["\t\ttransport http {", "\t\tflush_interval -1\n\t\ttransport http {"]];
    await behind(caddy, { originPort, changes }, async (agent) => {
      const hangUp = new AbortController();
      const answer = await callSilent(agent, { era: modern, token, signal: hangUp.signal });
      assert.is(await read(answer).next(), ":\n\n");
      hangUp.abort();
      assert.is(await ended, "done");
    });
  });
});

/** What becomes of a stream on its way through a proxy that is set hostile. */
type Outcome = "streamed" | "first byte held" | "cut" | "refused";

/** What origins that do less than the daemon meet there. */
const lesser: readonly (readonly [string, Manners, Readonly<Record<string, Outcome>>])[] = [
  ["says nothing until it is done", {}, { nginx: "refused", Caddy: "refused" }],
  ["says something at its start only", { early: true, unbuffered: true }, { nginx: "cut", Caddy: "cut" }],
  ["does not ask nginx for streaming", { early: true, comments: true }, { nginx: "first byte held" }],
];

test("streams get through proxies that buffer, compress and cut what is idle; those of lesser origins do not", async () => {
  const tries = reverseProxies.flatMap(([name, proxy]) => {
    const changes = hostile[name] as Changes;
    const through = (
      { originPort, token, isOver }: Origin,
      more: Changes | undefined = [],
    ): Promise<Outcome> =>
      behind(proxy, { originPort, changes: [...changes, ...more] }, (agent) =>
        outcomeOf(callSilent(agent, { era: legacy, token }), isOver),
      );
    return [
      withSilentTool(silentMs, async (daemon) => {
        assert.is(await through(daemon), "streamed", name);
      }),
      withSilentTool(silentMs, async (daemon) => {
        const { changes: worse, cure = "" } = deaf[name] ?? {};
        assert.is(await through(daemon, worse), "first byte held", `${name}, deaf`);
        assert.match(bufferedFault(publicHost).hint, cure);
      }),
      ...lesser
        .filter(([, , expected]) => expected[name] !== undefined)
        .map(([what, manners, expected]) =>
          withOrigin(manners, async (origin) => {
            assert.is(await through(origin), expected[name], `${name}: an origin that ${what}`);
          }),
        ),
    ];
  });
  await Promise.all(tries);
});

test.run();

async function outcomeOf(call: Promise<Response>, isOver: () => boolean): Promise<Outcome> {
  const begun = performance.now();
  const answer = await call;
  if (answer.status >= 500) return "refused";
  const body = read(answer);
  try {
    const first = await body.next();
    if (isOver() || performance.now() - begun > firstByteMs) return "first byte held";
    assert.is(first, ":\n\n");
    return /^event: message\ndata: .*"ok":true.*\n\n$/m.test(await body.rest()) ? "streamed" : "cut";
  } catch (error) {
    // What fetch throws when the connection ends before the body does.
    if (error instanceof TypeError) return "cut";
    throw error;
  }
}

interface Origin {
  readonly originPort: number;
  readonly token?: string | undefined;
  /** Whether its work is done. */
  isOver(): boolean;
}

interface SilentDaemon extends Origin {
  /** How the call ended. */
  readonly ended: Promise<"done" | "aborted">;
}

/** Runs `test` with a daemon that knows `publicHost` and has a tool that says nothing for `ms`. */
async function withSilentTool(ms: number, test: (daemon: SilentDaemon) => Promise<void>): Promise<void> {
  let end: (how: "done" | "aborted") => void = () => {};
  let isOver = false;
  const ended = new Promise<"done" | "aborted">((resolve) => {
    end = (how) => {
      isOver = true;
      resolve(how);
    };
  });
  const tool = fixtureTool({
    name: "silent",
    lane: "heavy",
    async run({ signal }) {
      await sleep(ms, undefined, { signal }).then(
        () => end("done"),
        () => end("aborted"),
      );
      return { content: [], structured: { ok: true } };
    },
  });
  await withDaemon({ tools: [tool], config: exposed }, async ({ endpoint }) => {
    const { url: local, token } = endpoint();
    const originPort = Number(new URL(local).port);
    await test({ originPort, token, ended, isOver: () => isOver });
  });
}

/** What an origin does for its streams. */
interface Manners {
  /** Sends the head and a first byte at once. */
  readonly early?: boolean;
  /** Says something every 10 s. */
  readonly comments?: boolean;
  /** Asks nginx to pass on what it gets. */
  readonly unbuffered?: boolean;
}

/** Runs `test` with somebody else's server, whose answers take `silentMs`. */
async function withOrigin(
  { early = false, comments = false, unbuffered = false }: Manners,
  test: (origin: Origin) => Promise<void>,
): Promise<void> {
  let isOver = false;
  const server = createServer(async (req, res) => {
    req.resume();
    res.setHeader("Content-Type", "text/event-stream");
    if (unbuffered) res.setHeader("X-Accel-Buffering", "no");
    if (early) res.write(":\n\n");
    const timer = comments ? setInterval(() => res.write(":\n\n"), 10_000) : undefined;
    await sleep(silentMs);
    clearInterval(timer);
    isOver = true;
    res.end('event: message\ndata: {"ok":true}\n\n');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: originPort } = server.address() as AddressInfo;
  await test({ originPort, isOver: () => isOver }).finally(() => {
    server.closeAllConnections();
    server.close();
  });
}

interface Call {
  readonly era: typeof modern;
  readonly token?: string | undefined;
  readonly signal?: AbortSignal;
}

/** Returns when the head of the answer has come. Takes gzip, as clients do. */
function callSilent(agent: Agent, { era, token, signal }: Call): Promise<Response> {
  const message = era("tools/call", { name: "silent", arguments: {} });
  return fetchThrough(url, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      ...(era === modern && mirrorOf(message)),
    },
    body: JSON.stringify(message),
    dispatcher: agent,
    ...(signal && { signal }),
  });
}

function read({ body }: Response) {
  const decoder = new TextDecoder();
  const reader = body?.getReader();
  return {
    /** Whatever comes next. */
    async next(): Promise<string | undefined> {
      const { value } = (await reader?.read()) ?? {};
      return value && decoder.decode(value, { stream: true });
    },
    async rest(): Promise<string> {
      let text = "";
      for (let more = await this.next(); more !== undefined; more = await this.next()) text += more;
      return text;
    },
  };
}
