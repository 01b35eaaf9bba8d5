/** What a path stands for. */
export type Route =
  | { readonly kind: "mcp"; readonly workspaceId: string | undefined }
  | { readonly kind: "health" | "card" | "oauth-metadata" | "unknown" };

const fixed: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/mcp", { kind: "mcp", workspaceId: undefined }],
  ["/healthz", { kind: "health" }],
  ["/.well-known/mcp.json", { kind: "card" }],
  ["/.well-known/mcp/server-card.json", { kind: "card" }],
]);
const workspacePath = /^\/w\/([a-z0-9][a-z0-9-]{0,31})\/mcp$/;
/** Every place where clients look for authorization metadata, with the resource path before or behind (RFC 8414, 9728). */
const oauthMetadataPath = /\/\.well-known\/(?:oauth-|openid-)/;
const unknown: Route = { kind: "unknown" };

/** Finds the route of an origin-form target. The query and trailing slashes do not count. */
export function findRoute(target: string): Route {
  const path = pathOf(target);
  const route = fixed.get(path);
  if (route !== undefined) return route;
  const workspaceId = workspacePath.exec(path)?.[1];
  if (workspaceId !== undefined) return { kind: "mcp", workspaceId };
  return oauthMetadataPath.test(path) ? { kind: "oauth-metadata" } : unknown;
}

function pathOf(target: string): string {
  const query = target.indexOf("?");
  let end = query === -1 ? target.length : query;
  while (target[end - 1] === "/") end--;
  return target.slice(0, end);
}
