import type { Readable, Writable } from "node:stream";
import { parseJson } from "../jsonx/parse.js";
import { serveStdio } from "../mcp/stdio.js";
import type { Engine } from "./engine.js";

/** Serves the engine's tools to the one client at the other end of two streams, until the input ends. */
export function serveOnStdio(
  engine: Engine,
  { input, output }: { readonly input: Readable; readonly output: Writable },
): Promise<void> {
  return serveStdio({
    input,
    output,
    principal: { id: "stdio", label: "stdio", workspaces: undefined, profile: "full" },
    snapshot: () => engine.current(),
    inFlight: engine.inFlight,
    subscriptions: engine.subscriptions,
    elicitation: engine.elicitation,
    parse: parseJson,
    onRequest: () => {},
  });
}
