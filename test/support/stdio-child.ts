/** Serves the fixture tools on this process's own stdin and stdout; the stdio tests run it as a child. */
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../../internal/clock/clock.js";
import { createElicitation } from "../../internal/mcp/elicitation.js";
import { createInFlight } from "../../internal/mcp/inflight.js";
import { serveStdio } from "../../internal/mcp/stdio.js";
import { createSubscriptions } from "../../internal/mcp/subscriptions.js";
import { fixtureTool, openWorkspaces, principalNamed, snapshotOf } from "./mcp-parts.js";
import { fixtureTools } from "./mcp-tools.js";

const { workspaces, close } = openWorkspaces({ main: "full" });
const slow = fixtureTool({
  name: "slow",
  async run({ signal }) {
    await delay(300, undefined, { signal });
    return { content: [{ type: "text", text: "x".repeat(1_000_000) }], structured: { ok: true } };
  },
});
const snapshot = snapshotOf({ tools: [...fixtureTools, slow], workspaces, clock: systemClock });
await serveStdio({
  input: process.stdin,
  output: process.stdout,
  principal: principalNamed("stdio"),
  snapshot: () => snapshot,
  inFlight: createInFlight(),
  subscriptions: createSubscriptions(),
  elicitation: createElicitation({ clock: systemClock }),
  parse: (bytes) => JSON.parse(bytes.toString()),
  onRequest() {},
});
close();
