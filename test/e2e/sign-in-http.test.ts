import { test } from "uvu";
import * as assert from "uvu/assert";
import { signIn } from "../support/browser.js";
import { withDaemon } from "../support/daemon-in-process.js";
import { joinServer } from "../support/oauth-party.js";
import { withSignIn } from "../support/sign-in.js";

const serverPaths = [
  "/.well-known/oauth-authorization-server",
  "/.well-known/oauth-authorization-server/mcp",
  "/.well-known/openid-configuration",
  "/.well-known/openid-configuration/mcp",
  "/mcp/.well-known/openid-configuration",
];
const resourcePaths = ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"];
const endpoints = ["authorize", "token", "register", "revoke"].flatMap((name) => [
  `/oauth/${name}`,
  `/${name}`,
]);

function pathsOf(workspace: string): readonly string[] {
  return [
    `/.well-known/oauth-authorization-server/w/${workspace}/mcp`,
    `/.well-known/openid-configuration/w/${workspace}/mcp`,
  ];
}

/** Runs `run` with the origin of a daemon that serves `app` under this auth.mode. */
async function withOrigin(mode: string, run: (origin: string) => Promise<void>): Promise<void> {
  await withDaemon({ config: { auth: { mode } } }, ({ daemon }) => {
    const { host, port } = daemon.address();
    return run(`http://${host}:${port}`);
  });
}

test("metadata is one document, wherever clients look for it", async () => {
  await withOrigin("oauth", async (origin) => {
    const text = async (path: string): Promise<string> => {
      const answer = await fetch(`${origin}${path}`);
      assert.equal([answer.status, answer.headers.get("content-type")], [200, "application/json"], path);
      return answer.text();
    };
    for (const [first = "", ...others] of [[...serverPaths, ...pathsOf("app")], resourcePaths]) {
      const document = await text(first);
      for (const path of [...others, `${first}?v=2`, `${first}/`])
        assert.is(await text(path), document, path);
    }
    const { resource } = JSON.parse(await text(resourcePaths[0] ?? ""));
    assert.is(resource, `${origin}/mcp`);
    const about = JSON.parse(await text("/.well-known/oauth-protected-resource/w/app/mcp"));
    assert.is(about.resource, `${origin}/w/app/mcp`);
  });
});

test("each challenge leads to the document about the endpoint that was asked", async () => {
  await withOrigin("oauth", async (origin) => {
    for (const path of ["/mcp", "/mcp?v=2", "/w/app/mcp"]) {
      const answer = await fetch(`${origin}${path}`, { method: "POST" });
      assert.is(answer.status, 401);
      const [, where = ""] =
        /^Bearer .*resource_metadata="([^"]+)"/.exec(answer.headers.get("www-authenticate") ?? "") ?? [];
      const { resource } = (await (await fetch(where)).json()) as { resource: string };
      assert.is(resource, `${origin}${path.replace("?v=2", "")}`);
      assert.match(answer.headers.get("www-authenticate") ?? "", 'scope="mcp"');
    }
  });
});

test("an access token for one endpoint opens the others, and none without it", async () => {
  await withSignIn({}, async ({ origin, browser, readOnly }) => {
    const party = await joinServer(`${origin}/w/app/mcp`);
    const { page, redeem } = await party.begin();
    const { access_token } = await redeem(await signIn(browser, page, readOnly));
    const status = async (path: string, init?: RequestInit): Promise<number> =>
      (await fetch(`${origin}${path}`, init)).status;
    const headers = { authorization: `Bearer ${access_token}` };
    for (const path of ["/mcp", "/w/app/mcp"]) {
      assert.is(await status(path, { headers }), 405, path);
      // RFC 6750 section 2.3: a token in a URL ends up in logs.
      assert.is(await status(`${path}?access_token=${access_token}`), 401, path);
    }
    assert.is(await status("/w/other/mcp", { method: "POST", headers }), 415);
  });
});

test("the Inspector's page, on loopback, may ask everything; another site nothing", async () => {
  await withOrigin("oauth", async (origin) => {
    const preflight = (path: string, from: string): Promise<Response> =>
      fetch(`${origin}${path}`, {
        method: "OPTIONS",
        headers: {
          origin: from,
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization,content-type,mcp-protocol-version",
        },
      });
    for (const path of [...serverPaths, ...resourcePaths, "/oauth/token", "/oauth/register", "/mcp"]) {
      const { status, headers } = await preflight(path, "http://localhost:6274");
      assert.is(status, 204, path);
      assert.is(headers.get("access-control-allow-origin"), "http://localhost:6274", path);
      for (const name of ["authorization", "content-type", "mcp-protocol-version"])
        assert.match((headers.get("access-control-allow-headers") ?? "").toLowerCase(), name);
      assert.is((await preflight(path, "https://attacker.example")).status, 403, path);
    }
  });
});

test("without sign-in, every place where a client looks for it is a quick 404 in JSON", async () => {
  const paths = [...serverPaths, ...resourcePaths, ...pathsOf("app"), ...endpoints];
  for (const mode of ["bearer", "none"]) {
    await withOrigin(mode, async (origin) => {
      for (const path of paths) {
        for (const method of ["GET", "POST", "OPTIONS"]) {
          const answer = await fetch(`${origin}${path}`, { method });
          assert.is(answer.status, 404, `${mode} ${method} ${path}`);
          assert.match(answer.headers.get("content-type") ?? "", /^application\/json/);
        }
      }
    });
  }
});

test("an endpoint answers only its own methods", async () => {
  await withOrigin("oauth", async (origin) => {
    for (const path of endpoints) {
      const wrong = path.endsWith("authorize") ? "DELETE" : "GET";
      const answer = await fetch(`${origin}${path}`, { method: wrong });
      assert.is(answer.status, 405, path);
      assert.match(answer.headers.get("allow") ?? "", "POST");
    }
  });
});

test.run();
