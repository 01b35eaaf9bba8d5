import type { Argv } from "../session.js";
import type { TunnelEntry } from "./config-file.js";
import { askName, type Setup } from "./setup.js";

/**
 * A dev tunnel with one port that everybody reaches: login, create, port, access. The service makes the host name.
 * Written from the program's documentation, and not run against the service.
 */
export async function setupDevtunnel(setup: Setup): Promise<TunnelEntry> {
  const { context, session, config } = setup;
  const program = await session.program("devtunnel", "install it as https://aka.ms/devtunnels/docs says");
  const command = (...args: string[]): Argv => [program, ...args];
  const user = await session.look(command("user", "show"));
  if (user.code !== 0 || /not logged in/i.test(user.stdout)) {
    // Without a desktop there is no browser to open: a code is shown, to be typed in anywhere.
    const { DISPLAY, WAYLAND_DISPLAY } = context.env;
    const hasDesktop = process.platform === "darwin" || Boolean(DISPLAY ?? WAYLAND_DISPLAY);
    const argv = hasDesktop ? command("user", "login") : command("user", "login", "--use-device-code-auth");
    await session.run({ what: "log in", argv });
  }
  const id = await askName(setup);
  if ((await session.look(command("show", id))).code !== 0) {
    const argv = command("create", id, "--expiration", "30d");
    await session.run({ what: `make the tunnel ${id}, which ends after 30 days without use`, argv });
  }
  const port = String(config.listen.port);
  if ((await session.look(command("port", "show", id, "-p", port))).code !== 0) {
    const argv = command("port", "create", id, "-p", port, "--protocol", "http");
    await session.run({ what: `let it lead to port ${port}`, argv });
  }
  if (!/anonymous/i.test((await session.look(command("access", "list", id))).stdout)) {
    const argv = command("access", "create", id, "-a");
    await session.run({ what: "let clients in, who then sign in to the daemon", argv });
  }
  const { hostname } = config;
  const isOfService = hostname?.endsWith(".devtunnels.ms") || context.flags.hostname !== undefined;
  if (hostname !== undefined && !isOfService) {
    context.remark(`hostname ${hostname} is taken out of the config: the service makes the name`);
  }
  return { hostname: isOfService ? hostname : undefined, tunnel: { provider: "devtunnel", id } };
}
