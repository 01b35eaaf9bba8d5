import { brief } from "../errs/brief.js";
import type { OutsideAnswer, Seen } from "./exchange.js";
import type { TunnelFault } from "./types.js";

/** What a row says a fault with. */
interface Facts {
  /** That was asked. */
  readonly host: string;
  readonly status: number;
  /** Host that a redirect leads to. */
  readonly to: string;
  /** The error's own words, or the code or message in the answer. */
  readonly detail: string;
}

/** One thing that goes wrong between a client and this process, and how it shows. */
export interface PublicRow {
  readonly code: string;
  readonly class: TunnelFault["class"];
  /** Either an error whose code matches, or an answer that fits all of the rest. */
  readonly when: {
    readonly error?: RegExp;
    readonly status?: RegExp;
    /** Name and what the value has to match. */
    readonly header?: readonly [name: string, value: RegExp];
    readonly body?: RegExp;
  };
  readonly text: (facts: Facts) => string;
  readonly hint: string;
}

const html = /^\s*<(?:!doctype|html|head|body|!--|\?xml)/i;

/**
 * Rows in the order they are tried: whoever names itself comes before what merely looks odd. Codes are stable. Restarting
 * the tunnel may cure the rows of class `backoff`.
 */
export const publicRows: readonly PublicRow[] = [
  {
    code: "PUBLIC_NETWORK_DOWN",
    class: "degraded",
    when: { error: /^(?:EAI_AGAIN|ENETUNREACH|ENETDOWN|EHOSTUNREACH|EADDRNOTAVAIL)$/ },
    text: ({ host, detail }) =>
      `the network or the name server cannot be reached, asking for ${host}: ${detail}`,
    hint: "check this machine's connection; nothing is wrong with the tunnel yet",
  },
  {
    code: "PUBLIC_NAME_UNKNOWN",
    class: "degraded",
    when: { error: /^(?:ENOTFOUND|ENODATA)$/ },
    text: ({ host }) => `there is no address for ${host}`,
    hint: "make its dns record (cloudflared: cloudflared tunnel route dns TUNNEL NAME), or correct hostname",
  },
  {
    code: "PUBLIC_REFUSED",
    class: "backoff",
    when: { error: /^ECONNREFUSED$/ },
    text: ({ host }) => `${host} refuses connections`,
    hint: "nothing listens there: see that the tunnel or proxy runs, and that dns leads to it",
  },
  {
    code: "PUBLIC_NO_ANSWER",
    class: "backoff",
    when: { error: /^(?:TIMEOUT|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|UND_ERR_(?:HEADERS|BODY)_TIMEOUT)$/ },
    text: ({ host }) => `${host} does not answer within 10 s`,
    hint: "a firewall drops port 443, or dns leads to a machine that is off; clients give up after 10 s too",
  },
  {
    code: "PUBLIC_CLOSED",
    class: "backoff",
    when: { error: /^(?:ECONNRESET|EPIPE|UND_ERR_SOCKET)$/ },
    text: ({ host }) => `${host} closes the connection without an answer`,
    hint: "see the log of what runs there: it may expect another protocol, or have lost the daemon",
  },
  {
    code: "PUBLIC_CERTIFICATE_NAME",
    class: "degraded",
    when: { error: /^ERR_TLS_CERT_ALTNAME_INVALID$/ },
    text: ({ host }) => `the certificate at ${host} is for another name`,
    hint: "dns may still lead to an old place; else give the proxy a certificate for this name",
  },
  {
    code: "PUBLIC_CERTIFICATE_EXPIRED",
    class: "degraded",
    when: { error: /^CERT_HAS_EXPIRED$/ },
    text: ({ host }) => `the certificate at ${host} has expired`,
    hint: "renew it; if it is still good, this machine's clock is ahead",
  },
  {
    code: "PUBLIC_CLOCK_SKEW",
    class: "degraded",
    when: { error: /^CERT_NOT_YET_VALID$/ },
    text: ({ host }) => `the certificate at ${host} is not valid yet: this machine's clock seems to be slow`,
    hint: "set the clock: timedatectl set-ntp true (macOS: sntp -sS time.apple.com)",
  },
  {
    code: "PUBLIC_CERTIFICATE_UNTRUSTED",
    class: "degraded",
    when: { error: /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+)$/ },
    text: ({ host, detail }) => `the certificate at ${host} is not trusted: ${detail}`,
    hint: "hosted clients trust public authorities only: use one, and serve the whole chain",
  },
  {
    code: "PUBLIC_NOT_TLS",
    class: "degraded",
    when: { error: /^(?:EPROTO|ERR_SSL_\w+|HPE_\w+|HTTPParserError)$/ },
    text: ({ host, detail }) => `${host} does not speak https: ${detail}`,
    hint: "let the proxy end TLS on port 443 and pass plain http on to the daemon",
  },
  {
    code: "PUBLIC_UNREACHABLE",
    class: "backoff",
    when: { error: /./ },
    text: ({ host, detail }) => `${host} cannot be reached: ${detail}`,
    hint: "try it from another machine: curl -v https://NAME/healthz",
  },
  {
    code: "PUBLIC_OFFLINE",
    class: "backoff",
    when: { body: /\bERR_NGROK_3200\b/ },
    text: ({ host }) => `no ngrok agent is online for ${host}`,
    hint: "see that hostname is the domain you reserved, and the state of the agent: ctmcpctl tunnel status",
  },
  {
    code: "PUBLIC_OFFLINE",
    class: "backoff",
    when: { status: /^530$/ },
    text: ({ host }) => `no tunnel is connected for ${host}`,
    hint: "dns leads to another tunnel, or cloudflared is down: cloudflared tunnel route dns --overwrite-dns TUNNEL NAME",
  },
  {
    code: "PUBLIC_WRONG_PORT",
    class: "degraded",
    when: { body: /\bERR_NGROK_(?:8012|3004)\b/ },
    text: ({ host }) => `the ngrok agent for ${host} does not reach the daemon`,
    hint: "it forwards to another port than listen says, or to https where the daemon speaks http",
  },
  {
    code: "PUBLIC_WRONG_PORT",
    class: "degraded",
    when: { status: /^502$/, body: /Unable to reach the origin service/ },
    text: ({ host }) => `cloudflared for ${host} does not reach the daemon`,
    hint: "let the tunnel's ingress for this name point at http://127.0.0.1 and the port of listen",
  },
  {
    code: "PUBLIC_NGROK_PAGE",
    class: "degraded",
    when: { body: /\bERR_NGROK_6024\b/ },
    text: ({ host }) => `ngrok shows its warning page at ${host}`,
    hint: "on the free plan people click through it once in 7 days before they sign in; a paid plan has none",
  },
  {
    code: "PUBLIC_NGROK_ERROR",
    class: "degraded",
    when: { body: /\b(ERR_NGROK_\d+)\b/ },
    text: ({ host, detail }) => `ngrok answers for ${host} with ${detail}`,
    hint: "it is explained at https://ngrok.com/docs/errors",
  },
  {
    code: "PUBLIC_ACCESS_WALL",
    class: "degraded",
    when: { status: /^30\d$/, header: ["location", /^https:\/\/[\w.-]+\.cloudflareaccess\.com\//] },
    text: ({ host, to }) => `Cloudflare Access guards ${host}: it sends clients to ${to}`,
    hint: "the daemon signs clients in itself: take this name out of Access, or add a bypass policy for it",
  },
  {
    code: "PUBLIC_TUNNEL_PRIVATE",
    class: "degraded",
    when: {
      status: /^30\d$/,
      header: [
        "location",
        /^https:\/\/(?:[\w.-]+\.devtunnels\.ms|login\.microsoftonline\.com|github\.com\/login)\//,
      ],
    },
    text: ({ host, to }) => `the dev tunnel at ${host} is private: it sends clients to ${to}`,
    hint: "the daemon signs clients in itself: devtunnel access create ID --anonymous",
  },
  {
    code: "PUBLIC_TUNNEL_PAGE",
    class: "degraded",
    when: { body: /^\s*<[\s\S]*(?:connect to a developer tunnel|X-Tunnel-Skip-AntiPhishing-Page)/i },
    text: ({ host }) => `Dev Tunnels shows its warning page at ${host}`,
    hint: "people click through it once before they sign in; clients that are no browsers do not see it",
  },
  {
    code: "PUBLIC_REDIRECT",
    class: "degraded",
    when: { status: /^30[12378]$/ },
    text: ({ host, to }) => `${host} redirects to ${to}; clients do not follow`,
    hint: "let the proxy pass requests on as they are, and make hostname the name that answers",
  },
  {
    code: "PUBLIC_BOT_WALL",
    class: "degraded",
    when: { header: ["cf-mitigated", /./] },
    ...botWall(),
  },
  {
    code: "PUBLIC_BOT_WALL",
    class: "degraded",
    when: {
      status: /^(?:403|429|503)$/,
      body: /<title>Just a moment\.\.\.|Attention Required! \| Cloudflare|error code: 10(?:06|10|15|20)\b|captcha/i,
    },
    ...botWall(),
  },
  {
    code: "PUBLIC_HOST_REFUSED",
    class: "degraded",
    when: {
      status: /^403$/,
      body: /^\{"jsonrpc":"2\.0","id":null,"error":\{"code":-32600,"message":"(?:host \\"([\w.:-]+)\\")?/,
    },
    text: ({ host, detail }) =>
      `this program answers for ${host}, and is asked for ${detail || "another name"}, which it does not serve`,
    hint: "let the proxy pass the Host header on unchanged, and make hostname the public name",
  },
  {
    code: "PUBLIC_OTHER_INSTANCE",
    class: "degraded",
    when: { body: /^\{"(?:error":"Unknown endpoint"\}$|proof":)/ },
    text: ({ host }) => `another coding-tools-mcp answers for ${host}, not this process`,
    hint: "dns or the proxy leads to another machine or port, or an older daemon still holds the tunnel",
  },
  {
    code: "PUBLIC_GATEWAY",
    class: "degraded",
    when: { status: /^5\d\d$/ },
    text: ({ host, status }) => `what answers for ${host} says ${status}: it does not reach the daemon`,
    hint: "let the proxy pass requests on to http://127.0.0.1 and the port of listen, and look into its log",
  },
  {
    code: "PUBLIC_HTML",
    class: "degraded",
    when: { body: html },
    text: ({ host, status }) => `${host} answers ${status} with a web page instead of json`,
    hint: "something in front answers by itself: a sign-in wall, a bot check, or another site on this name",
  },
  {
    code: "PUBLIC_OTHER_SERVER",
    class: "degraded",
    when: {},
    text: ({ host, status }) => `something else answers for ${host}, with status ${status}`,
    hint: "see that dns and the proxy lead to the daemon: hostname, and the port of listen",
  },
];

/** What an edge may also show when it has lost sight of a tunnel that is up: then another start of that brings it back. */
export const lostTunnelCodes: ReadonlySet<string> = new Set([
  "PUBLIC_NGROK_ERROR",
  "PUBLIC_GATEWAY",
  "PUBLIC_HTML",
  "PUBLIC_OTHER_SERVER",
]);

/** A stream that came all at once. */
export function bufferedFault(host: string): TunnelFault {
  return {
    code: "PUBLIC_STREAM_BUFFERED",
    class: "degraded",
    text: `what stands in front of ${host} holds streams back until they end`,
    hint: "turn response buffering off (nginx: proxy_buffering off; Caddy: take buffer_responses out), or long calls die silently",
  };
}

/** `seconds` is what the other clock says less what this one does. */
export function skewFault(host: string, seconds: number): TunnelFault {
  const ahead = seconds < 0 ? "ahead of" : "behind";
  return {
    code: "PUBLIC_CLOCK_SKEW",
    class: "info",
    text: `this machine's clock is ${Math.abs(seconds)} s ${ahead} that of ${host}`,
    hint: "set the clock: timedatectl set-ntp true (macOS: sntp -sS time.apple.com)",
  };
}

/** What an answer that is not the one expected, or none, tells about the way to this process. */
export function classify(seen: Seen): TunnelFault {
  for (const row of publicRows) {
    const detail = match(row, seen);
    if (detail === undefined) continue;
    const facts = {
      host: seen.host,
      status: seen.kind === "answer" ? seen.status : 0,
      to: seen.kind === "answer" ? redirectHost(seen) : "",
      detail: brief(detail),
    };
    return { code: row.code, class: row.class, text: row.text(facts), hint: row.hint };
  }
  throw new Error("the last row takes everything");
}

/** True for an answer that is a web page. */
export function isHtml({ headers, body }: OutsideAnswer): boolean {
  return html.test(body) || /^text\/html\b/i.test(headers["content-type"] ?? "");
}

/** The detail that a row repeats, or undefined when the row does not apply. */
function match({ when: { error, status, header, body } }: PublicRow, seen: Seen): string | undefined {
  if (seen.kind === "error") return error?.test(seen.code) ? seen.message : undefined;
  if (error !== undefined) return undefined;
  if (status !== undefined && !status.test(String(seen.status))) return undefined;
  if (header !== undefined && !header[1].test(seen.headers[header[0]] ?? "")) return undefined;
  if (body === undefined) return "";
  // ngrok names its error in a header, in front of which the page may be somebody's own.
  const found = body.exec(seen.body) ?? body.exec(seen.headers["ngrok-error-code"] ?? "");
  if (found === null && !(body === html && isHtml(seen))) return undefined;
  return found?.[1] ?? "";
}

function redirectHost({ headers: { location = "" }, host }: OutsideAnswer): string {
  try {
    return new URL(location, `https://${host}`).host;
  } catch {
    return "a place that is no url";
  }
}

function botWall(): Pick<PublicRow, "text" | "hint"> {
  return {
    text: ({ host, status }) => `a bot check in front of ${host} answers ${status}`,
    hint: "switch it off for this name (Cloudflare: Bot Fight Mode, Block AI bots), or let 160.79.104.0/21 through",
  };
}
