/**
 * Writes the examples of service files in deploy/ from what `ctmcpctl install` writes: `node dist/scripts/generate-deploy.js`
 * after a change of internal/service.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ServiceDescription } from "../internal/service/description.js";
import { renderPlist } from "../internal/service/launchd-plist.js";
import { renderReadOnly, renderSocket, renderUnit } from "../internal/service/systemd-unit.js";

const me = "/home/me";
const linux: ServiceDescription = {
  node: "/usr/bin/node",
  program: `${me}/.local/lib/node_modules/coding-tools-mcp/dist/bin/ctmcpd.cjs`,
  configPath: `${me}/.config/coding-tools-mcp.yaml`,
  environment: { PATH: `${me}/.local/bin:/usr/local/bin:/usr/bin:/bin` },
  scope: { kind: "user" },
};
const system: ServiceDescription = { ...linux, scope: { kind: "system", user: "me" } };
const mac: ServiceDescription = {
  node: "/opt/homebrew/bin/node",
  program: "/Users/me/.local/lib/node_modules/coding-tools-mcp/dist/bin/ctmcpd.cjs",
  configPath: "/Users/me/.config/coding-tools-mcp.yaml",
  environment: { PATH: "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin" },
  scope: { kind: "user" },
};

/** Every example, where it belongs. */
export function generateDeploy(): readonly { readonly url: URL; readonly text: string }[] {
  const at = (name: string): URL => new URL(`../../deploy/${name}`, import.meta.url);
  const stateDir = "/var/lib/coding-tools-mcp";
  return [
    { url: at("systemd/user/coding-tools-mcp.service"), text: renderUnit(linux) },
    {
      url: at("systemd/user/coding-tools-mcp.service.d/readonly.conf"),
      text: renderReadOnly(linux, { stateDir }),
    },
    {
      url: at("systemd/user/coding-tools-mcp.socket"),
      text: renderSocket({ host: "127.0.0.1", port: 8765 }),
    },
    { url: at("systemd/system/coding-tools-mcp.service"), text: renderUnit(system) },
    {
      url: at("systemd/system/coding-tools-mcp.service.d/readonly.conf"),
      text: renderReadOnly(system, { stateDir }),
    },
    {
      url: at("launchd/coding-tools-mcp.plist"),
      text: renderPlist(mac, { logDir: "/Users/me/Library/Logs" }),
    },
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { url, text } of generateDeploy()) {
    mkdirSync(new URL(".", url), { recursive: true });
    writeFileSync(url, text);
  }
}
