import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { ngrokFaults } from "../../internal/tunnel/faults/ngrok.js";
import { demand, runAgent } from "./agent.js";
import { endings } from "./endings.js";

/** ngrok's agent, version 3: one record a line on standard output. */
await runAgent({
  variables: ["NGROK_AUTHTOKEN"],
  faults: ngrokFaults,
  endings: endings.ngrok,
  async start(args, env) {
    const [verb, ...rest] = args;
    demand(verb === "http", `unknown command ${verb}`);
    const text = { type: "string" } as const;
    const { values, positionals } = parseArgs({
      args: rest,
      allowPositionals: true,
      options: { url: text, inspect: text, config: text, log: text, "log-format": text },
    });
    const addr = positionals[0];
    demand(positionals.length === 1 && /^127\.0\.0\.1:\d+$/.test(addr ?? ""), "one address");
    demand(values.log === "stdout" && values["log-format"] === "json", "records on standard output");
    demand(env.NGROK_AUTHTOKEN, "an authtoken");
    const url = new URL(values.url ?? "");
    const { version, agent } = parse(readFileSync(values.config ?? "", "utf8"));
    demand(version === 3, "settings of version 3");
    const off = { web_addr: false, inspect_db_size: -1, remote_management: false, update_check: false };
    for (const [key, value] of Object.entries(off)) demand(agent[key] === value, `agent.${key} ${value}`);
    demand(values.inspect === "false", "no inspection");

    let hasStarted = false;
    return {
      connect() {
        say("info", "client session established", { obj: "tunnels.session" });
        if (!hasStarted)
          say("info", "started tunnel", { obj: "tunnels", addr: `http://${addr}`, url: url.origin });
        hasStarted = true;
      },
      lose() {
        say("eror", "session closed, starting reconnect loop", {
          obj: "tunnels.session",
          err: "session closed",
        });
        say("eror", "failed to reconnect session", { obj: "tunnels.session", err: "dial tcp: i/o timeout" });
      },
    };
  },
});

function say(lvl: string, msg: string, fields: Readonly<Record<string, string>>): void {
  console.log(JSON.stringify({ ...fields, lvl, msg, t: "2026-08-01T10:00:00Z" }));
}
