import type { Site } from "./types.js";

const ownPaths = /^\/(?:(?:w\/[a-z0-9-]{1,32}\/)?mcp\/?)?$/;

/**
 * Whether a `resource` parameter (RFC 8707) names this server. Clients disagree on the spelling: the origin, `/mcp` and
 * `/w/<id>/mcp` are accepted, with or without a slash at the end, host in any case, query ignored. All of them mean the
 * one audience that tokens are made for, so a workspace that is gone for now ends nobody's sign-in.
 */
export function acceptsResource(text: string, { origin }: Pick<Site, "origin">): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (
    url.origin === origin &&
    url.username === "" &&
    url.password === "" &&
    url.hash === "" &&
    ownPaths.test(url.pathname)
  );
}
