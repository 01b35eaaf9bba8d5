import { writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { openaiFaults, openaiReadiness } from "../../internal/tunnel/faults/openai.js";
import { demand, runAgent, serve } from "./agent.js";
import { endings } from "./endings.js";

/** OpenAI's tunnel-client: records on standard output, readiness at an address that it writes to a file. */
await runAgent({
  variables: ["CONTROL_PLANE_API_KEY", "CTMCP_TUNNEL_MARK"],
  faults: [...openaiFaults, ...openaiReadiness],
  endings: endings["tunnel-client"],
  async start(args, env) {
    const [verb, ...rest] = args;
    demand(verb === "run", `unknown command ${verb}`);
    const text = { type: "string" } as const;
    const { values } = parseArgs({
      args: rest,
      options: {
        "control-plane.tunnel-id": text,
        "mcp.server-url": text,
        "mcp.extra-headers": text,
        "health.listen-addr": text,
        "health.url-file": text,
        "log.format": text,
        "log.level": text,
      },
    });
    demand(/^tunnel_[0-9a-f]{32}$/.test(values["control-plane.tunnel-id"] ?? ""), "invalid tunnel ID");
    demand(
      /^http:\/\/127\.0\.0\.1:\d+\/mcp$/.test(values["mcp.server-url"] ?? ""),
      "MCP server URL is required",
    );
    demand(env.CONTROL_PLANE_API_KEY, "control plane API key is required");
    const [, variable = ""] = /^[\w-]+: env:(\w+)$/.exec(values["mcp.extra-headers"] ?? "") ?? [];
    demand(env[variable], "extra headers name no value");
    const [host = "", port] = (values["health.listen-addr"] ?? "").split(":");
    let answer = { status: 503, body: "oauth discovery pending\n" };
    const server = await serve({ host, port: Number(port) }, (path) =>
      path === "/readyz" ? answer : undefined,
    );
    const address = server.address() as AddressInfo;
    writeFileSync(values["health.url-file"] ?? "", `http://${host}:${address.port}\n`);
    let hasFailed = false;
    return {
      connect() {
        answer = { status: 200, body: "ready (mcp initialize requires auth: 401)\n" };
        if (hasFailed) say("INFO", "poller recovered; polling operational");
      },
      lose() {
        hasFailed = true;
        say("WARN", "poll failed; backing off", { error: "dial tcp: i/o timeout", retry_in_ms: 200 });
      },
      show(row) {
        const isReadiness = openaiReadiness.includes(row);
        if (isReadiness) answer = { status: row.class === "info" ? 200 : 503, body: row.sample };
        return isReadiness;
      },
    };
  },
});

function say(level: string, msg: string, fields: Readonly<Record<string, unknown>> = {}): void {
  console.log(JSON.stringify({ time: "2026-08-01T10:00:00Z", level, msg, ...fields }));
}
