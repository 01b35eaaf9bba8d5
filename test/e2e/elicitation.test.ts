import { Client as Client2, StreamableHTTPClientTransport as Http2 } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Http1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createNoAuth } from "../../internal/auth/none.js";
import { systemClock } from "../../internal/clock/clock.js";
import { createRequestGate } from "../../internal/httpd/gate.js";
import { createHandler, type HttpSnapshot } from "../../internal/httpd/handler.js";
import { createHttpServer } from "../../internal/httpd/server.js";
import { createLog } from "../../internal/log/log.js";
import { createRedactor } from "../../internal/log/redact.js";
import { createElicitation } from "../../internal/mcp/elicitation.js";
import { createMcpHttp, type McpSnapshot } from "../../internal/mcp/http.js";
import { createInFlight } from "../../internal/mcp/inflight.js";
import { createSubscriptions } from "../../internal/mcp/subscriptions.js";
import { type Approvals, createApprovals } from "../../internal/policy/approvals.js";
import { createPolicy } from "../../internal/policy/policy.js";
import { requestPermissionsTool } from "../../internal/tools/request-permissions.js";
import type { Json } from "../support/mcp-harness.js";
import { openWorkspaces, principalNamed, snapshotOf } from "../support/mcp-parts.js";

const info = { name: "e2e", version: "1.0.0" };
const clock = systemClock;

interface Served {
  readonly url: string;
  readonly approvals: Approvals;
  close(): Promise<void>;
}

/** The product's listener and protocol layer with the one tool that asks. */
async function serve(): Promise<Served> {
  const { workspaces, close } = openWorkspaces({ main: "full" });
  const approvals = createApprovals({ clock, onChange() {} });
  const policy = createPolicy();
  const tool = requestPermissionsTool({
    approvals,
    mode: "safe",
    networkAllowed: false,
    askClient: true,
    refusals: ({ workspace }, args) =>
      policy.refusals(String(args.cmd), {
        mode: "safe",
        root: workspace.path,
        cwd: ".",
        home: undefined,
        allowedPaths: [],
        searchPath: "/usr/bin:/bin",
        env: {},
        stdin: false,
        allowNetwork: false,
      }),
  });
  const protocol = snapshotOf({ tools: [tool], workspaces, clock });
  const http = {
    gate: createRequestGate({
      hostname: undefined,
      listen: { host: "127.0.0.1", port: 0 },
      allowedOrigins: [],
    }),
    auth: createNoAuth(principalNamed("anonymous")),
    signIn: undefined,
    card: Buffer.from("{}"),
  };
  const subscriptions = createSubscriptions();
  const elicitation = createElicitation({ clock });
  const server = createHttpServer({
    connections: 16,
    handler: createHandler<HttpSnapshot & McpSnapshot>({
      current: () => ({ ...http, ...protocol }),
      mcp: {
        handle: createMcpHttp({
          clock,
          inFlight: createInFlight(),
          subscriptions,
          elicitation,
          onRequest() {},
        }),
      },
      draining: () => false,
      log: createLog({ level: "error", stream: process.stderr, env: {}, redactor: createRedactor(), clock }),
    }),
  });
  await server.listen("127.0.0.1", 0);
  return {
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    approvals,
    async close() {
      subscriptions.endAll();
      await server.close(1_000);
      close();
    },
  };
}

interface Connected {
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<Json>;
  close(): Promise<void>;
}

type Person = (question: Json) => Json;

async function connect2(url: string, person: Person, mode: "legacy" | "auto"): Promise<Connected> {
  const client = new Client2(info, {
    capabilities: { elicitation: { form: {} } },
    versionNegotiation: { mode },
  });
  client.setRequestHandler("elicitation/create", async ({ params }: Json) => person(params));
  await client.connect(new Http2(new URL(url)));
  return client as Connected;
}

const clients: Readonly<Record<string, (url: string, person: Person) => Promise<Connected>>> = {
  async "SDK 1.x"(url, person) {
    const client = new Client1(info, { capabilities: { elicitation: { form: {} } } });
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => person(params));
    await client.connect(new Http1(new URL(url)) as Transport);
    return client as Connected;
  },
  "client 2.x": (url, person) => connect2(url, person, "legacy"),
  "client 2.x, auto": (url, person) => connect2(url, person, "auto"),
};

const wanted = {
  name: "request_permissions",
  arguments: {
    tool_name: "exec_command",
    permission: "network",
    reason: "to see whether it is up",
    arguments: { cmd: "curl https://example.com" },
  },
};
const subject = {
  tool: "exec_command",
  args: wanted.arguments.arguments,
  workspace: "main",
  caller: "anonymous",
};

for (const [name, connect] of Object.entries(clients)) {
  test(`${name}: the person at the client is asked and their answer counts`, async () => {
    const served = await serve();
    const questions: Json[] = [];
    const answers: Json[] = [{ action: "accept", content: { allow: "once" } }, { action: "decline" }];
    const client = await connect(served.url, (question) => {
      questions.push(question);
      return answers[questions.length - 1];
    });
    try {
      const granted = (await client.callTool(wanted)).structuredContent;
      assert.is(granted.status, "granted");
      assert.match(questions[0].message, "curl https://example.com");
      assert.equal(served.approvals.take(subject, ["network"]), ["network"]);
      assert.is(served.approvals.take(subject, ["network"]), undefined);
      assert.is((await client.callTool(wanted)).structuredContent.status, "denied");
      assert.is(questions.length, 2);
      assert.is((await client.callTool(wanted)).structuredContent.status, "denied");
      assert.is(questions.length, 2, "a person who said no is not asked again");
    } finally {
      await client.close();
      await served.close();
    }
  });
}

test.run();
