import { stripVTControlCharacters } from "node:util";
import { devtunnelFaults } from "../faults/devtunnel.js";
import type { LaunchContext, Provider, Sign } from "../types.js";
import { createFaultReader } from "./fault-reader.js";
import { type ConfigOf, environmentOf, requireProgram } from "./launch.js";

const domain = ".devtunnels.ms";

/**
 * The URL of `port` among those a line shows, without a trailing slash. The same port is shown in several forms: only
 * `NAME-PORT.REGION.devtunnels.ms` stands on port 443; another has the port behind the host, a third is the inspector's.
 */
export function devtunnelUrl(line: string, port: number): string | undefined {
  return originsIn(line).find((origin) => new URL(origin).host.split(".")[0]?.endsWith(`-${port}`));
}

/** Origins below the service's domain. The host is parsed before it is compared, so that no other can pass for one. */
function originsIn(line: string): string[] {
  return (stripVTControlCharacters(line).match(/https:\/\/[^\s,]+/g) ?? [])
    .filter((text) => URL.canParse(text))
    .map((text) => new URL(text))
    .filter(({ host, username }) => host.endsWith(domain) && username === "")
    .map(({ origin }) => origin);
}

/** What the program's lines tell: the URLs first, then that it accepts connections; the same again once it is back. */
export function createDevtunnelReader(port: number): (line: string) => Sign | undefined {
  let url: string | undefined;
  let showsOthers = false;
  let isReady = false;
  return (line) => {
    if (line.includes("Connection to host tunnel relay closed")) {
      isReady = false;
      return { kind: "down" };
    }
    const origins = originsIn(line);
    const found = devtunnelUrl(line, port);
    url = found ?? url;
    showsOthers ||= origins.length > 0;
    if (line.includes("Ready to accept connections for tunnel")) isReady = true;
    else if (found === undefined) return undefined;
    if (!isReady) return undefined;
    if (url !== undefined) return { kind: "ready", url };
    return showsOthers ? { kind: "fault", fault: portMissing(port) } : { kind: "ready" };
  };
}

function portMissing(port: number): (Sign & { kind: "fault" })["fault"] {
  return {
    code: "DEVTUNNEL_PORT_MISSING",
    class: "blocked",
    text: `the dev tunnel does not forward to port ${port}`,
    hint: `run: devtunnel port create ID -p ${port} --protocol http`,
  };
}

/** Microsoft's dev tunnels, with a tunnel and port that were made once; its name stays, so its URL does. */
export function devtunnel({ program = "devtunnel", id }: ConfigOf<"devtunnel">): Provider {
  const faults = createFaultReader(devtunnelFaults);
  return {
    isStable: true,
    program,
    faults: devtunnelFaults,
    async launch(context: LaunchContext) {
      const path = await requireProgram(
        program,
        context,
        "install it as https://aka.ms/devtunnels/docs says",
      );
      const readFault = faults.start();
      const readState = createDevtunnelReader(context.port);
      return {
        argv: [path, "host", id],
        // Its login is kept in the desktop's keyring, which is reached through these.
        env: environmentOf(context, { inherit: ["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"] }),
        readSign: (line) => readFault(line) ?? readState(line),
      };
    },
  };
}
