import { devtunnelFaults } from "../../internal/tunnel/faults/devtunnel.js";
import { demand, runAgent } from "./agent.js";
import { endings } from "./endings.js";

/** devtunnel, hosting a tunnel whose one port is the number at the end of its id, as in `mcp-8765`. */
await runAgent({
  variables: ["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"],
  faults: devtunnelFaults,
  endings: endings.devtunnel,
  async start(args) {
    const [verb, id = "", ...rest] = args;
    demand(verb === "host" && rest.length === 0, "host ID, without options that the service would refuse");
    const port = /-(\d+)$/.exec(id)?.[1];
    demand(port, "an id that ends with a port");
    return {
      connect() {
        const name = "https://x1y2z3";
        console.log(`Hosting port: ${port}`);
        console.log(
          `Connect via browser: ${name}.euw.devtunnels.ms:${port}, ${name}-${port}.euw.devtunnels.ms`,
        );
        console.log(`Inspect network activity: ${name}-${port}-inspect.euw.devtunnels.ms\n`);
        console.log(`\u001b[32mReady to accept connections for tunnel: ${id}\u001b[0m`);
      },
      lose() {
        console.log("Connection to host tunnel relay closed. Connection lost.. Reconnecting.");
      },
    };
  },
});
