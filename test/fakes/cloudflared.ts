import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { cloudflaredFaults } from "../../internal/tunnel/faults/cloudflared.js";
import { demand, runAgent, serve } from "./agent.js";
import { endings } from "./endings.js";

const quickHost = "calm-lake-plain-stone.trycloudflare.com";

/** cloudflared: log on standard error, state at the endpoints of its metrics server. */
await runAgent({
  variables: ["TUNNEL_LOG_OUTPUT", "TUNNEL_MANAGEMENT_DIAGNOSTICS", "TUNNEL_TOKEN"],
  faults: cloudflaredFaults,
  endings: endings.cloudflared,
  async start(args, env) {
    demand(args[0] === "tunnel", `unknown command ${args[0]}`);
    const run = args.indexOf("run");
    const text = { type: "string" } as const;
    // Each half refuses the flags of the other, as the real one does.
    const { values } = parseArgs({
      args: args.slice(1, run === -1 ? undefined : run),
      options: {
        "no-autoupdate": { type: "boolean" },
        config: text,
        metrics: text,
        "grace-period": text,
        protocol: text,
        url: text,
      },
    });
    const after = parseArgs({
      args: run === -1 ? [] : args.slice(run + 1),
      allowPositionals: true,
      options: { "token-file": text },
    });
    demand(values["no-autoupdate"], "no updates");
    demand(env.TUNNEL_LOG_OUTPUT === "json", "records");
    const settings = parse(readFileSync(values.config ?? "", "utf8"));
    const id = after.positionals[0];
    const tokenFile = after.values["token-file"];
    if (run === -1) {
      demand(/^http:\/\/127\.0\.0\.1:\d+$/.test(values.url ?? ""), "--url");
      demand(env.TUNNEL_TOKEN === undefined && settings.tunnel === undefined, "nothing of a named tunnel");
    } else if (id === undefined) {
      const token = tokenFile === undefined ? env.TUNNEL_TOKEN : readFileSync(tokenFile, "utf8").trim();
      demand(token, "a token");
    } else {
      demand(env.TUNNEL_TOKEN === undefined && tokenFile === undefined, "no token, which would win");
      demand(settings.tunnel === id, "settings of the tunnel");
      demand(settings.ingress.at(-1).hostname === undefined, "a last rule that matches everything");
      JSON.parse(readFileSync(settings["credentials-file"], "utf8"));
    }

    const [host = "", port] = (values.metrics ?? "").split(":");
    let connections = 0;
    await serve({ host, port: Number(port) }, (path) => {
      if (path === "/ready") {
        const status = connections > 0 ? 200 : 503;
        return { status, body: JSON.stringify({ status, readyConnections: connections, connectorId: "c" }) };
      }
      return path === "/quicktunnel"
        ? { status: 200, body: JSON.stringify({ hostname: run === -1 ? quickHost : "" }) }
        : undefined;
    });
    return {
      connect() {
        connections = run === -1 ? 1 : 4;
        say("info", "Registered tunnel connection");
      },
      lose() {
        connections = 0;
        say("warn", "Connection terminated");
      },
    };
  },
});

function say(level: string, message: string): void {
  console.error(JSON.stringify({ level, connIndex: 0, time: "2026-08-01T10:00:00Z", message }));
}
