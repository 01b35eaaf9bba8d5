/** An answer as it comes from somebody else's program, and what it has to be recognised as. */
export interface ForeignAnswer {
  readonly code: string;
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const page = { "content-type": "text/html; charset=utf-8" };
const json = { "content-type": "application/json" };

/** Written down after the vendors' documentation and reports of users, and of our own server as it is. */
export const foreignAnswers: readonly ForeignAnswer[] = [
  {
    code: "PUBLIC_OFFLINE",
    status: 404,
    headers: { ...page, "ngrok-error-code": "ERR_NGROK_3200" },
    body: "<!DOCTYPE html><html><body><p>The endpoint mcp.example.com is offline.</p><p>ERR_NGROK_3200</p></body></html>",
  },
  // The same with a page of the owner's own.
  { code: "PUBLIC_OFFLINE", status: 404, headers: { "ngrok-error-code": "ERR_NGROK_3200" }, body: "gone" },
  { code: "PUBLIC_OFFLINE", status: 530, headers: { server: "cloudflare" }, body: "error code: 1033" },
  {
    code: "PUBLIC_WRONG_PORT",
    status: 502,
    headers: { ...page, "ngrok-error-code": "ERR_NGROK_8012" },
    body: "<!DOCTYPE html><p>Traffic was successfully tunneled to the ngrok agent, but the agent failed to establish a connection to the upstream web service at http://localhost:1 (ERR_NGROK_8012)</p>",
  },
  { code: "PUBLIC_WRONG_PORT", status: 502, headers: page, body: "<html>ERR_NGROK_3004</html>" },
  {
    code: "PUBLIC_WRONG_PORT",
    status: 502,
    headers: { server: "cloudflare", "content-type": "text/plain" },
    body: "Unable to reach the origin service. The service may be down or it may not be responding to traffic from cloudflared: dial tcp 127.0.0.1:1: connect: connection refused",
  },
  {
    code: "PUBLIC_NGROK_PAGE",
    status: 200,
    headers: { ...page, "ngrok-error-code": "ERR_NGROK_6024" },
    body: "<!DOCTYPE html><html><noscript>You are about to visit mcp.example.com (ERR_NGROK_6024)</noscript></html>",
  },
  { code: "PUBLIC_NGROK_ERROR", status: 403, headers: page, body: "<html>ERR_NGROK_727</html>" },
  {
    code: "PUBLIC_ACCESS_WALL",
    status: 302,
    headers: { location: "https://ann.cloudflareaccess.com/cdn-cgi/access/login/mcp.example.com?kid=1" },
  },
  {
    code: "PUBLIC_TUNNEL_PRIVATE",
    status: 302,
    headers: { location: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize?client_id=1" },
  },
  {
    code: "PUBLIC_TUNNEL_PAGE",
    status: 200,
    headers: page,
    body: "<!DOCTYPE html><html><h1>You are about to connect to a developer tunnel</h1></html>",
  },
  { code: "PUBLIC_REDIRECT", status: 301, headers: { location: "https://www.example.com/" } },
  { code: "PUBLIC_REDIRECT", status: 308, headers: { location: "http://[" } },
  {
    code: "PUBLIC_BOT_WALL",
    status: 403,
    headers: { ...page, "cf-mitigated": "challenge" },
    body: "<!DOCTYPE html><html><title>x</title></html>",
  },
  {
    code: "PUBLIC_BOT_WALL",
    status: 403,
    headers: page,
    body: "<!DOCTYPE html><html><title>Attention Required! | Cloudflare</title></html>",
  },
  {
    code: "PUBLIC_BOT_WALL",
    status: 403,
    headers: { "content-type": "text/plain" },
    body: "error code: 1010",
  },
  { code: "PUBLIC_OTHER_INSTANCE", status: 404, headers: json, body: '{"error":"Unknown endpoint"}' },
  { code: "PUBLIC_OTHER_INSTANCE", status: 200, headers: json, body: '{"proof":"of another process"}' },
  {
    code: "PUBLIC_GATEWAY",
    status: 502,
    headers: page,
    body: "<html><head><title>502 Bad Gateway</title></head><center>nginx/1.22.1</center></html>",
  },
  { code: "PUBLIC_GATEWAY", status: 502, headers: { server: "Caddy" } },
  { code: "PUBLIC_HTML", status: 200, headers: page, body: "Welcome" },
  { code: "PUBLIC_HTML", status: 404, body: "\n<!doctype html><title>Not found</title>" },
  { code: "PUBLIC_OTHER_SERVER", status: 404, headers: json, body: '{"detail":"Not Found"}' },
  { code: "PUBLIC_OTHER_SERVER", status: 200 },
];
