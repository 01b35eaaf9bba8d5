import type { Endpoint, OAuthReply, OAuthRequest } from "../auth/oauth/types.js";

/** A step of a client that signs in or is turned away. */
export interface ClientStep {
  readonly userAgent: string | undefined;
  /** `mcp`: the MCP endpoint, with a credential that did not do. */
  readonly step: "metadata" | Endpoint | "mcp";
  /** The HTTP status of the answer. */
  readonly status: number;
  readonly clientId?: string | undefined;
  /** An OAuth error code; or what the owner answered, `allowed` or `denied`; or `refreshed` for a refresh token's token. */
  readonly detail?: string | undefined;
}

/** Which client an exchange with an endpoint was about, and what came of it; nothing secret. */
export function describeExchange(
  endpoint: Endpoint,
  request: OAuthRequest,
  reply: OAuthReply,
): Pick<ClientStep, "clientId" | "detail"> {
  const form = new URLSearchParams(request.method === "POST" ? request.body.toString("utf8") : "");
  switch (endpoint) {
    case "authorize": {
      const asked = form.has("request") ? new URLSearchParams(form.get("request") ?? "") : request.query;
      const answer = form.get("decision") === "deny" ? "denied" : "allowed";
      return {
        clientId: asked.get("client_id") ?? undefined,
        detail: request.method === "POST" && reply.status === 200 ? answer : undefined,
      };
    }
    case "register":
      return { clientId: textOf(reply, "client_id"), detail: textOf(reply, "error") };
    default: {
      const isRefresh = endpoint === "token" && form.get("grant_type") === "refresh_token";
      return {
        clientId: form.get("client_id") ?? basicUser(request.headers.authorization),
        detail: isRefresh && reply.status === 200 ? "refreshed" : textOf(reply, "error"),
      };
    }
  }
}

function textOf({ body }: OAuthReply, key: "client_id" | "error"): string | undefined {
  if (!body.startsWith("{")) return undefined;
  const value = (JSON.parse(body) as Record<string, unknown>)[key];
  return typeof value === "string" ? value : undefined;
}

function basicUser(authorization: string | undefined): string | undefined {
  const encoded = /^basic (.+)$/i.exec(authorization ?? "")?.[1];
  return encoded && Buffer.from(encoded, "base64").toString("utf8").split(":")[0];
}
