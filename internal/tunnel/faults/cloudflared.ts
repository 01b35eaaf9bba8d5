import type { CountedRow } from "../providers/fault-reader.js";

/** What cloudflared says before it ends, or while it tries; what Cloudflare shows to visitors is the probe's. */
export const cloudflaredFaults: readonly CountedRow[] = [
  {
    code: "CLOUDFLARED_TOKEN_INVALID",
    class: "blocked",
    text: "the tunnel token is not one of Cloudflare's",
    hint: "copy it whole from the tunnel's page at https://one.dash.cloudflare.com to tunnel.token_file",
    pattern: /provided tunnel token is not valid/i,
    sample: "Provided Tunnel token is not valid.",
  },
  {
    code: "CLOUDFLARED_TOKEN_UNREADABLE",
    class: "blocked",
    text: "cloudflared cannot read the file of tunnel.token_file",
    hint: "see that it is there and belongs to the user the daemon runs as",
    pattern: /failed to read token file/i,
    sample: "Failed to read token file: open /home/me/mcp.token: no such file or directory",
  },
  {
    code: "CLOUDFLARED_CREDENTIALS_MISSING",
    class: "blocked",
    text: "the file of tunnel.credentials_file is not there",
    hint: "it is made by: cloudflared tunnel create NAME",
    pattern: /tunnel credentials file '.*' (?:doesn't|does not) exist/i,
    sample: "Tunnel credentials file '/home/me/.cloudflared/9c0d.json' doesn't exist or is not a file",
  },
  {
    code: "CLOUDFLARED_CREDENTIALS_INVALID",
    class: "blocked",
    text: "the file of tunnel.credentials_file holds no tunnel's credentials",
    hint: "name the JSON file that cloudflared tunnel create made, not cert.pem",
    pattern: /invalid JSON when parsing|should be \.json but you gave a \.pem/i,
    sample: "Invalid JSON when parsing tunnel credentials file: invalid character '-' in numeric literal",
  },
  {
    code: "CLOUDFLARED_LOGIN_MISSING",
    class: "blocked",
    text: "cloudflared looks the tunnel up by its name, for which it has to be logged in",
    hint: "set tunnel.id to the tunnel's UUID, or run: cloudflared tunnel login",
    pattern: /client didn't specify origincert path|cannot determine default origin certificate path/i,
    sample: "error parsing tunnel ID: client didn't specify origincert path",
  },
  {
    code: "CLOUDFLARED_TUNNEL_UNKNOWN",
    class: "blocked",
    text: "no tunnel of your account has the id of tunnel.id",
    hint: "see what there is with: cloudflared tunnel list",
    pattern: /is neither the ID nor the name of any of your tunnels/,
    sample: "error parsing tunnel ID: mcp is neither the ID nor the name of any of your tunnels",
  },
  {
    // The edge also says so for a moment after a tunnel was made.
    code: "CLOUDFLARED_UNAUTHORIZED",
    class: "backoff",
    blockedAfter: 2,
    text: "Cloudflare does not accept the tunnel's credentials; it may have been deleted or its token renewed",
    hint: "see cloudflared tunnel list, and renew tunnel.token_file or tunnel.credentials_file",
    pattern: /register tunnel error from server side.*unauthorized/i,
    sample:
      '{"level":"error","connIndex":0,"event":0,"ip":"198.41.192.77","error":"Unauthorized: Invalid tunnel secret","time":"2026-08-01T10:00:00Z","message":"Register tunnel error from server side"}',
  },
  {
    code: "CLOUDFLARED_QUIC_BLOCKED",
    class: "backoff",
    text: "cloudflared gets no answer over QUIC, the network may block UDP port 7844",
    hint: "set tunnel.protocol to http2",
    pattern: /failed to dial to edge with quic|timeout: no recent network activity/,
    sample:
      '{"level":"warn","connIndex":0,"event":0,"ip":"198.41.200.13","error":"failed to dial to edge with quic: timeout: no recent network activity","time":"2026-08-01T10:00:00Z","message":"Failed to dial a quic connection"}',
  },
  {
    code: "CLOUDFLARED_ORIGIN_UNREACHABLE",
    class: "degraded",
    text: "cloudflared forwards to an address where nothing answers",
    hint: "make the service of the public hostname http://127.0.0.1 and the port of listen",
    pattern: /unable to reach the origin service/i,
    sample:
      '{"level":"error","error":"Unable to reach the origin service. The service may be down or it may not be responding to traffic from cloudflared: dial tcp 127.0.0.1:1: connect: connection refused","connIndex":0,"dest":"https://mcp.example.com/mcp","ingressRule":0,"originService":"http://127.0.0.1:1","time":"2026-08-01T10:00:00Z","message":"Request failed"}',
  },
];
