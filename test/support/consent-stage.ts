import { existsSync } from "node:fs";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from "playwright-core";
import {
  challenge,
  clientWith,
  type Desk,
  openDesk,
  site as someSite,
} from "../../internal/auth/oauth/authorize.test.util.js";
import { createTestAuthority } from "../../internal/auth/oauth/tls-server.test.util.js";
import type { OAuthClient, OAuthReply, OAuthRequest, Site } from "../../internal/auth/oauth/types.js";

/** Changes what passes between browser and endpoint, to show what a defence is good for. */
export interface Tampering {
  readonly request?: (headers: OAuthRequest["headers"]) => OAuthRequest["headers"];
  readonly reply?: (reply: OAuthReply) => OAuthReply;
}

/** The authorize endpoint behind https, an app's site on another origin, and Chromium. */
export interface ConsentStage {
  readonly desk: Desk;
  readonly site: Site;
  /** Origin of the app's site. */
  readonly app: string;
  readonly tamper: (how: Tampering) => void;
  /** A browser profile of its own. */
  context(options?: BrowserContextOptions): Promise<BrowserContext>;
  /** The authorization request of a client, the app's own when none is named. */
  link(change?: Readonly<Record<string, string>>): string;
  close(): Promise<void>;
}

const browserPath = "/usr/bin/chromium";

export async function openConsentStage(clients: readonly OAuthClient[] = []): Promise<ConsentStage> {
  if (!existsSync(browserPath))
    throw new Error(`${browserPath} is missing: run scripts/install-test-deps.sh`);
  const authority = createTestAuthority("mcp.test");
  const appServer = await authority.serve(serveApp);
  const app = `https://app.test:${appServer.port}`;
  const desk = openDesk([
    clientWith({ name: "Notes helper", redirectUris: [`${app}/callback`] }),
    ...clients,
  ]);
  let tampering: Tampering = {};
  let site: Site = someSite;
  const server = await authority.serve((req, res) => {
    answer(req, res).catch((error: unknown) => res.destroy(error as Error));
  });
  site = { ...someSite, origin: `https://mcp.test:${server.port}` };
  const browser = await launch();

  return {
    desk,
    site,
    app,
    tamper: (how) => {
      tampering = how;
    },
    context: (options) => browser.newContext({ ignoreHTTPSErrors: true, ...options }),
    link(change = {}) {
      const query = new URLSearchParams({
        response_type: "code",
        client_id: "client-1",
        redirect_uri: `${app}/callback`,
        code_challenge: challenge,
        code_challenge_method: "S256",
        state: "state-1",
        ...change,
      });
      return `${site.origin}/oauth/authorize?${query}`;
    },
    async close() {
      await browser.close();
      server.close();
      appServer.close();
    },
  };

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(req.url ?? "", site.origin);
    if (pathname !== "/oauth/authorize") return void res.writeHead(404).end();
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const headers = tampering.request?.(req.headers) ?? req.headers;
    const { method = "" } = req;
    const reply = await desk.endpoint(
      { method, query: searchParams, headers, body: Buffer.concat(chunks) },
      site,
    );
    const { status, headers: sent, body } = tampering.reply?.(reply) ?? reply;
    res.writeHead(status, sent as OutgoingHttpHeaders).end(body);
  }
}

/** A callback, a page that opens a popup and waits for word from it, and one that frames what it is told to. */
function serveApp(req: IncomingMessage, res: ServerResponse): void {
  const { pathname, searchParams } = new URL(req.url ?? "", "https://app.test");
  const target = JSON.stringify(searchParams.get("url"));
  const bodies: Readonly<Record<string, string>> = {
    "/callback":
      "<title>Callback</title><script>opener?.postMessage(location.search, location.origin)</script>",
    "/popup": `<title>App</title><button onclick='window.open(${target})'>Sign in</button>
      <script>onmessage = ({ data }) => { document.title = "Told " + data }</script>`,
    "/frame": `<title>Frame</title><iframe width="600" height="600" src=${target}></iframe>`,
  };
  const body = bodies[pathname];
  res.writeHead(body === undefined ? 404 : 200, { "Content-Type": "text/html" }).end(body);
}

function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: browserPath,
    args: [
      "--host-resolver-rules=MAP *.test 127.0.0.1",
      // Chromium refuses its own sandbox to root, which is who runs tests in containers.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    ],
  });
}
