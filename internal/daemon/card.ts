import type { SignIn } from "../auth/oauth/server.js";
import type { Config } from "../config/config.js";
import { serverInfo } from "../mcp/dispatch.js";
import { supportedVersions } from "../mcp/era.js";
import type { Catalogue } from "../tools/catalogue.js";

/**
 * The public server card (`/.well-known/mcp.json`). It names every tool that some client could be given and says
 * nothing of workspaces or paths: anybody may read it.
 */
export function serverCard(config: Config, { tools, names }: Catalogue, signIn: SignIn | undefined): Buffer {
  const readOnly = names.filter((name) => tools.get(name)?.annotations.readOnlyHint === true);
  const card = {
    supportedProtocolVersions: supportedVersions,
    server: serverInfo,
    transport: { type: "streamable_http", endpoint: "/mcp", methods: ["POST", "OPTIONS"] },
    auth: authentication(config, signIn),
    tools: {
      count: names.length,
      names,
      readOnlyHintTrue: readOnly,
      readOnlyHintFalse: names.filter((name) => !readOnly.includes(name)),
      annotationOverride: null,
    },
    capabilities: { tools: { listChanged: true } },
  };
  return Buffer.from(JSON.stringify(card));
}

function authentication(config: Config, signIn: SignIn | undefined): object {
  if (config.auth.mode === "none") return { type: "none", scheme: null, header: null };
  const bearer = { scheme: "Bearer", header: "Authorization" };
  if (signIn === undefined) return { type: "bearer", ...bearer };
  const { authorizationUrl, tokenUrl } = signIn.urls;
  return { type: "oauth2", ...bearer, authorizationUrl, tokenUrl };
}
