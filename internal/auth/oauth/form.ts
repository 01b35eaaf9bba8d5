import { jsonReply, OAuthRefusal } from "./refusal.js";
import type { OAuthReply, OAuthRequest, Site } from "./types.js";

/** The parameters of a form; absent and empty are the same (RFC 6749 section 3.2). */
export interface Form {
  get(name: string): string | undefined;
  /** @throws OAuthRefusal invalid_request without it. */
  need(name: string): string;
  /** Every value, for `resource`, the one parameter that may come more than once (RFC 8707 section 2). */
  all(name: string): readonly string[];
}

/** An endpoint that takes a form by POST only. What `run` refuses is thrown as an OAuthRefusal. */
export function formEndpoint(
  run: (form: Form, request: OAuthRequest, site: Site) => Promise<OAuthReply>,
): (request: OAuthRequest, site: Site) => Promise<OAuthReply> {
  return async (request, site) => {
    if (request.method === "POST") return run(readForm(request), request, site);
    const description = "this endpoint takes POST only";
    return jsonReply(405, { error: "invalid_request", error_description: description }, { Allow: "POST" });
  };
}

function readForm({ headers, body }: OAuthRequest): Form {
  const [type = ""] = (headers["content-type"] ?? "").split(";");
  if (type.trim().toLowerCase() !== "application/x-www-form-urlencoded")
    throw badRequest("the body must be a form: application/x-www-form-urlencoded, not json");
  const values = new URLSearchParams(body.toString("utf8"));
  const names = [...values.keys()].filter((name) => name !== "resource");
  if (new Set(names).size < names.length) throw badRequest("a parameter comes more than once");
  const get = (name: string): string | undefined => values.get(name) || undefined;
  return {
    get,
    need(name) {
      const value = get(name);
      if (value === undefined) throw badRequest(`${name} is missing`);
      return value;
    },
    all: (name) => values.getAll(name).filter((value) => value !== ""),
  };
}

function badRequest(description: string): OAuthRefusal {
  return new OAuthRefusal("invalid_request", description);
}
