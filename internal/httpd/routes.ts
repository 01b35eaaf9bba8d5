import type { Endpoint } from "../auth/oauth/types.js";

/** What a path stands for. */
export type Route =
  | { readonly kind: "mcp"; readonly path: string; readonly workspaceId: string | undefined }
  | { readonly kind: "oauth"; readonly endpoint: Endpoint }
  | {
      readonly kind: "oauth-metadata";
      /** `resource`: RFC 9728. `server`: RFC 8414. `none`: a place where there is no document. */
      readonly document: "resource" | "server" | "none";
      /** The path of the MCP endpoint that the document is about; empty at the root. */
      readonly about: string;
    }
  | { readonly kind: "health" | "card" | "unknown" };

const fixed: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/mcp", { kind: "mcp", path: "/mcp", workspaceId: undefined }],
  ["/healthz", { kind: "health" }],
  ["/.well-known/mcp.json", { kind: "card" }],
  ["/.well-known/mcp/server-card.json", { kind: "card" }],
  ...(["authorize", "token", "register", "revoke"] as const).flatMap((endpoint) =>
    // At the root too: a client that finds no metadata looks there.
    ["", "/oauth"].map((prefix): [string, Route] => [`${prefix}/${endpoint}`, { kind: "oauth", endpoint }]),
  ),
]);
const workspacePath = /^\/w\/([a-z0-9][a-z0-9-]{0,31})\/mcp$/;
const wellKnown = /^(.*)\/\.well-known\/(oauth-|openid-)([a-z-]+)(.*)$/;
const unknown: Route = { kind: "unknown" };

/** Finds the route of an origin-form target. The query and trailing slashes do not count. */
export function findRoute(target: string): Route {
  const path = pathOf(target);
  const route = fixed.get(path);
  if (route !== undefined) return route;
  const workspaceId = workspacePath.exec(path)?.[1];
  if (workspaceId !== undefined) return { kind: "mcp", path, workspaceId };
  return findMetadata(path) ?? unknown;
}

/**
 * Every place where clients look for authorization metadata: the endpoint's path behind the well-known one (RFC 8414,
 * RFC 9728 section 3.1), and before it, as OpenID Connect Discovery has it.
 */
function findMetadata(path: string): Route | undefined {
  const [matched, before = "", family, name, behind = ""] = wellKnown.exec(path) ?? [];
  if (matched === undefined) return undefined;
  const about = `${before}${behind}`;
  const isEndpoint = about === "" || about === "/mcp" || workspacePath.test(about);
  const resource = family === "oauth-" && name === "protected-resource" && before === "";
  const server =
    (family === "oauth-" && name === "authorization-server") ||
    (family === "openid-" && name === "configuration");
  const document = !isEndpoint ? "none" : resource ? "resource" : server ? "server" : "none";
  return { kind: "oauth-metadata", document, about };
}

function pathOf(target: string): string {
  const query = target.indexOf("?");
  let end = query === -1 ? target.length : query;
  while (target[end - 1] === "/") end--;
  return target.slice(0, end);
}
