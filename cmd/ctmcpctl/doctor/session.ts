import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { messageOf } from "../../../internal/errs/errs.js";
import { metaKeys, modernVersions } from "../../../internal/mcp/era.js";
import { exchangeLimitMs, ownAgent } from "../../../internal/tunnel/exchange.js";
import { bufferedFault } from "../../../internal/tunnel/public-faults.js";
import { version } from "../../../internal/version/version.js";
import { type Outside, postRpc, said, unexpected } from "./outside.js";
import { fail, ok, type Row, warn } from "./row.js";

const clientInfo = { name: "ctmcpctl", version };
const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo },
};
/** Milliseconds after which hosted clients have often given up on a cold server. */
const slowMs = 5_000;

/** A call without a credential has to be refused in a way that leads a client to sign in. */
export async function checkChallenge(outside: Outside): Promise<Row> {
  const id = "mcp.challenge";
  const seen = await postRpc(outside, initialize);
  if (seen.kind === "error" || seen.status !== 401) return unexpected(id, "call without a credential", seen);
  const challenge = seen.headers["www-authenticate"] ?? "";
  const leadsTo = `${outside.origin}/.well-known/oauth-protected-resource/mcp`;
  if (
    !/^Bearer\b/i.test(challenge) ||
    (outside.mode.startsWith("oauth") && !challenge.includes(`"${leadsTo}"`))
  ) {
    const hint = "the proxy drops or changes WWW-Authenticate: pass headers on as they are";
    return fail(id, `call without a credential: the challenge is ${challenge || "missing"}`, hint);
  }
  return ok(id, "call without a credential: refused, and told where to sign in");
}

/**
 * Initializes, lists the tools and pings by the client of the MCP SDK, which waits 10 seconds as hosted clients do, then
 * has a stream opened.
 */
export async function checkSession(outside: Outside): Promise<readonly Row[]> {
  const [{ Client: SdkClient }, { StreamableHTTPClientTransport }] = await Promise.all([
    import("@modelcontextprotocol/sdk/client/index.js"),
    import("@modelcontextprotocol/sdk/client/streamableHttp.js"),
  ]);
  const client = new SdkClient(clientInfo);
  const transport = new StreamableHTTPClientTransport(new URL(outside.url), {
    requestInit: { headers: { ...credential(outside), "user-agent": ownAgent } },
    ...(outside.fetch && { fetch: outside.fetch }),
  });
  const limit = { timeout: exchangeLimitMs, signal: outside.signal };
  const steps: readonly (readonly [id: string, name: string, run: () => Promise<string>])[] = [
    [
      "mcp.initialize",
      "initialize",
      async () => {
        // The SDK's types are not written for exactOptionalPropertyTypes.
        await client.connect(transport as Parameters<Client["connect"]>[0], limit);
        return `protocol ${transport.protocolVersion}`;
      },
    ],
    ["mcp.tools", "tools/list", async () => `${(await client.listTools({}, limit)).tools.length} tools`],
    [
      "mcp.ping",
      "ping",
      async () => {
        await client.ping(limit);
        return "answered";
      },
    ],
  ];
  const rows: Row[] = [];
  try {
    for (const [id, name, run] of steps) {
      const begun = performance.now();
      const result = await run();
      const took = Math.round(performance.now() - begun);
      const text = `${name}: ${result}, in ${took} ms`;
      rows.push(took < slowMs ? ok(id, text) : warn(id, text, "hosted clients give up after 10 s"));
    }
    return [...rows, await checkFirstByte(outside)];
  } catch (error) {
    const [id = "mcp", name = "mcp"] = steps[rows.length] ?? [];
    return [...rows, await explain(id, name, { error, outside })];
  } finally {
    await client.close();
  }
}

/** The SDK keeps the answer to itself, so the question is asked once more. */
async function explain(
  id: string,
  name: string,
  { error, outside }: { readonly error: unknown; readonly outside: Outside },
): Promise<Row> {
  const seen = await postRpc(outside, initialize, { headers: credential(outside) });
  if (seen.kind === "answer" && seen.status === 401) {
    const hint =
      "the Authorization header is dropped on the way, or the token is an old one: ctmcpctl reload";
    return fail(id, `${name}: ${said(seen)}`, hint);
  }
  if (seen.kind === "error" || seen.status !== 200) return unexpected(id, name, seen);
  return fail(id, `${name}: ${messageOf(error)}`, "see why in the daemon's log: ctmcpctl logs");
}

/** A subscription is a stream that stays open: what is held back until the end never comes. */
async function checkFirstByte(outside: Outside): Promise<Row> {
  const id = "mcp.first-byte";
  const [modern] = modernVersions;
  const seen = await postRpc(
    outside,
    {
      jsonrpc: "2.0",
      id: 2,
      method: "subscriptions/listen",
      params: {
        notifications: { toolsListChanged: true },
        _meta: {
          [metaKeys.protocolVersion]: modern,
          [metaKeys.clientCapabilities]: {},
          [metaKeys.clientInfo]: clientInfo,
        },
      },
    },
    {
      firstByteOnly: true,
      headers: {
        ...credential(outside),
        "mcp-protocol-version": modern,
        "mcp-method": "subscriptions/listen",
      },
    },
  );
  if (seen.kind === "error" && seen.code === "TIMEOUT") {
    const { text, hint } = bufferedFault(seen.host);
    return fail(id, `stream: ${text}`, hint);
  }
  const isStream = seen.kind === "answer" && /^text\/event-stream\b/.test(seen.headers["content-type"] ?? "");
  if (!isStream) return unexpected(id, "stream", seen);
  return ok(id, `stream: first byte after ${Math.round(seen.firstByteMs)} ms`);
}

function credential({ token }: Outside): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}
