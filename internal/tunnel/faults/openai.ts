import type { FaultRow } from "../types.js";

const id = "copy the id from the tunnel's page to tunnel.id: tunnel_ and 32 hexadecimal digits";

function record(message: string, fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ time: "2026-08-01T10:00:00Z", level: "WARN", msg: message, ...fields });
}

/** What tunnel-client says at its start, and when it asks for requests in vain. */
export const openaiFaults: readonly FaultRow[] = [
  {
    code: "OPENAI_KEY_MISSING",
    class: "blocked",
    text: "tunnel-client has no API key",
    hint: "write a runtime API key to tunnel.token_file",
    pattern: /control plane API key is required/,
    sample: "control plane API key is required",
  },
  {
    code: "OPENAI_TUNNEL_ID",
    class: "blocked",
    text: "tunnel-client does not accept the tunnel's id",
    hint: id,
    pattern: /tunnel ID is required|invalid tunnel ID/,
    sample: 'invalid tunnel ID "tunnel_1": must match tunnel_<32 lowercase hexadecimal characters>',
  },
  {
    code: "OPENAI_SERVER_URL",
    class: "blocked",
    text: "tunnel-client was not told where requests go, its options may have changed",
    hint: "install a version of tunnel-client that is listed as supported",
    pattern: /MCP server URL is required|main channel is required|unknown flag|flag provided but not defined/,
    sample: "MCP server URL is required",
  },
  {
    code: "OPENAI_KEY_REFUSED",
    class: "blocked",
    text: "the API key may not use this tunnel",
    hint: "give the key Tunnels Read and Use in the organisation of the tunnel; a new role takes up to 30 minutes",
    pattern: /poll failed; backing off.*status_code=40[13]\b/s,
    sample: record("poll failed; backing off", {
      error: "poll: unexpected status 401 Unauthorized",
      retry_in_ms: 200,
      status_code: 401,
    }),
  },
  {
    code: "OPENAI_TUNNEL_UNKNOWN",
    class: "blocked",
    text: "the service knows no tunnel of this id",
    hint: id,
    pattern: /poll failed; backing off.*status_code=404\b/s,
    sample: record("poll failed; backing off", {
      error: "poll: unexpected status 404 Not Found",
      retry_in_ms: 200,
      status_code: 404,
    }),
  },
  {
    code: "OPENAI_UNREACHABLE",
    class: "backoff",
    text: "tunnel-client cannot ask for requests at the moment and goes on trying",
    hint: "see that api.openai.com can be reached from here",
    pattern: /poll (?:failed|timed out); backing off/,
    sample: record("poll failed; backing off", { error: "dial tcp: i/o timeout", retry_in_ms: 400 }),
  },
  {
    code: "OPENAI_CHANNEL",
    class: "degraded",
    text: "a request named a channel that is not served here",
    hint: "choose the channel main in the connector",
    pattern: /unsupported_channel/,
    sample: record("command rejected", { error: "unsupported_channel" }),
  },
];

/** What the readiness endpoint answers when it is not ready, or ready with a reserve. */
export const openaiReadiness: readonly FaultRow[] = [
  {
    code: "OPENAI_DISCOVERY_FAILED",
    class: "degraded",
    text: "tunnel-client could not read how clients sign in to this daemon",
    hint: "the sign-in server is not part of this tunnel: see that hostname is reachable, with ctmcpctl doctor",
    pattern: /^oauth discovery failed/,
    sample: "oauth discovery failed: Get http://127.0.0.1/.well-known/oauth-protected-resource: EOF",
  },
  {
    code: "OPENAI_PROBE_FAILED",
    class: "degraded",
    text: "tunnel-client does not reach this daemon's MCP endpoint",
    hint: "see that the daemon listens where listen says",
    pattern: /^mcp probe failed/,
    sample: "mcp probe failed: connection refused",
  },
  {
    code: "OPENAI_PROBE_SLOW",
    class: "info",
    text: "tunnel-client waited too long for this daemon's first answer and went on without",
    hint: "nothing, unless it goes on: then the machine is overloaded",
    pattern: /^ready \(mcp startup probe timed out/,
    sample: "ready (mcp startup probe timed out: context deadline exceeded)",
  },
];
