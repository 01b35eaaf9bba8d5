import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { expandPath } from "../../../internal/config/paths.js";
import type { TunnelEntry } from "./config-file.js";
import { askHostname, type Setup } from "./setup.js";

/**
 * A domain reserved in ngrok's dashboard, and the authtoken in a file of its own. The token is asked for when neither
 * `--token-file` names it nor a file of an earlier setup holds it.
 */
export async function setupNgrok(setup: Setup): Promise<TunnelEntry> {
  const { context, session } = setup;
  const { flags, home, cwd, configPath, remark } = context;
  await session.program("ngrok", "install it as https://ngrok.com/download says");
  remark("the name is one of your domains at https://dashboard.ngrok.com/domains; every account has one");
  const hostname = await askHostname(setup);
  const given = flags["token-file"];
  const path =
    given === undefined
      ? join(dirname(configPath), "coding-tools-mcp.ngrok-token")
      : expandPath(given, { home, base: cwd });
  const tunnel = { provider: "ngrok", token_file: path };
  if (given !== undefined || existsSync(path)) return { hostname, tunnel };
  const text = await session.secret(
    "token-file",
    "Your token from https://dashboard.ngrok.com/get-started/your-authtoken",
  );
  return { hostname, tunnel, secret: { path, text: `${text}\n` } };
}
