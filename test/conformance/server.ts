/**
 * The server the public suite is run against: the product's own listener, gate and protocol layer, with the fixture
 * tools the suite asks for instead of the real ones. Prints its URL as one line on stdout; ends on SIGTERM.
 */
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
import { openWorkspaces, principalNamed, snapshotOf } from "../support/mcp-parts.js";
import { conformanceTools, dynamicTool } from "./fixtures.js";

const clock = systemClock;
const { workspaces, close } = openWorkspaces({ fixture: "full" });
const subscriptions = createSubscriptions();
const always = conformanceTools({ onTrigger: changeTools });
const protocols = [always, [...always, dynamicTool()]].map((tools) =>
  snapshotOf({ tools, workspaces, clock }),
);
let current = 0;

function protocol() {
  const snapshot = protocols[current];
  if (snapshot === undefined) throw new Error(`no snapshot ${current}`);
  return snapshot;
}

function changeTools(): void {
  current = 1 - current;
  const { views } = protocol();
  subscriptions.refresh((principal, workspaceId) => views(principal, workspaceId)?.catalogue.hash);
}

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
const server = createHttpServer({
  connections: 512,
  handler: createHandler<HttpSnapshot & McpSnapshot>({
    current: () => ({ ...http, ...protocol() }),
    mcp: {
      handle: createMcpHttp({
        clock,
        inFlight: createInFlight(),
        subscriptions,
        elicitation: createElicitation({ clock }),
        onRequest() {},
      }),
    },
    draining: () => false,
    log: createLog({
      level: "error",
      stream: process.stderr,
      env: process.env,
      redactor: createRedactor(),
      clock,
    }),
  }),
});

await server.listen("127.0.0.1", 0);
const { host, port } = server.address();
process.stdout.write(`http://${host}:${port}/mcp\n`);
process.once("SIGTERM", async () => {
  subscriptions.endAll();
  await server.close(1_000);
  close();
});
