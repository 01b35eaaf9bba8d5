import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { status } from "../../internal/admin/admin.test.util.js";
import type { AdminBackend } from "../../internal/admin/backend.js";
import type { AuthMode } from "../../internal/config/config.js";
import { Fault } from "../../internal/errs/errs.js";
import { createAuthority, type Listening, serveTls } from "../../internal/tunnel/tls.test.util.js";
import type { ProofReport, TunnelReport } from "../../internal/tunnel/types.js";
import { ctl, type Home, makeHome, withDaemon } from "./ctl.test.util.js";

const authority = createAuthority();
test.after(() => authority.close());
const secret = "the-bearer-token-of-this-daemon-0123456789";
const fault = {
  code: "PUBLIC_OTHER_SERVER",
  class: "degraded",
  text: "another server answers",
  hint: "",
} as const;
const degraded: TunnelReport = {
  provider: "none",
  state: "degraded",
  since: "2026-01-02T03:04:10.000Z",
  url: null,
  pid: null,
  restarts: 0,
  verified_at: null,
  next_start_at: null,
  fault,
  lines: [],
};
const unproven = async (): Promise<ProofReport> => ({ url: null, fault });
const proven = async (): Promise<ProofReport> => ({ url: "the public one", fault: null });
const older = async (): Promise<ProofReport> => {
  throw new Fault("REFUSED", "no such path: /v1/prove");
};

/** A server of somebody else's at the public name, which answers as the daemon would. `seen`: what was sent as credential. */
async function startImpostor(): Promise<Listening & { readonly seen: readonly string[] }> {
  const seen: string[] = [];
  const server = await serveTls(authority.issue("localhost"), ({ url, headers }, res) => {
    if (headers.authorization !== undefined) seen.push(headers.authorization);
    if (url === "/.well-known/mcp.json") return void res.end('{"tools":{"count":8}}');
    const challenge = `Bearer resource_metadata="https://${headers.host}/.well-known/oauth-protected-resource/mcp"`;
    res.writeHead(url === "/mcp" ? 401 : 404, { "www-authenticate": challenge }).end("{}");
  });
  return { ...server, seen };
}

interface Case {
  readonly mode: AuthMode;
  readonly verb: string;
  readonly tunnel?: TunnelReport | null;
  readonly prove?: AdminBackend["prove"];
}

/** What the impostor was sent, and the row of the first call with a credential. */
async function credentialsSent(home: Home, { mode, verb, tunnel = degraded, prove = unproven }: Case) {
  const impostor = await startImpostor();
  const url = `https://localhost:${impostor.port}/mcp`;
  const ca = join(home.dir, "ca.pem");
  writeFileSync(ca, authority.ca);
  const state = join(home.dir, ".local/state/coding-tools-mcp");
  mkdirSync(state, { recursive: true, mode: 0o700 });
  writeFileSync(join(state, "bearer-token"), secret, { mode: 0o600 });
  mkdirSync(dirname(home.configPath), { recursive: true });
  writeFileSync(home.configPath, `version: 1\nworkspaces: [{ path: ~/src }]\nauth: { mode: ${mode} }\n`);
  let report = "";
  await withDaemon(
    {
      home,
      status: () => ({ ...status, tunnel, listen: { ...status.listen, public_url: url }, auth: { mode } }),
      tunnel: { report: () => degraded, restart: async () => degraded, test: async () => degraded },
      pass: { issue: () => ({ token: secret, expires_at: "t" }), end: () => {} },
      prove: async () => ({ ...(await prove()), ...(prove === proven && { url }) }),
    },
    async () => {
      report = (await ctl(home, [verb, "--json"], { env: { NODE_EXTRA_CA_CERTS: ca } })).stdout;
    },
  ).finally(() => impostor.close());
  const rows: { id: string; text: string; status: string }[] = JSON.parse(report).rows;
  assert.ok(
    rows.some(({ id, status }) => id === "mcp.challenge" && status === "ok"),
    report,
  );
  return { seen: [...impostor.seen], call: rows.find(({ id }) => id === "mcp.initialize") };
}

let home: Home;
test.before.each(() => {
  home = makeHome();
});
test.after.each(() => home.remove());

for (const verb of ["verify", "doctor"]) {
  for (const mode of ["bearer", "oauth", "oauth+bearer"] as const) {
    test(`${verb} in mode ${mode}: no credential for somebody else who answers at the public name`, async () => {
      const { seen, call } = await credentialsSent(home, { mode, verb });
      assert.equal(seen, []);
      assert.is(call?.status, "fail");
      assert.match(call?.text ?? "", "another server answers");
    });
  }

  test(`${verb}: nor where no tunnel is configured, or an older daemon proves nothing`, async () => {
    for (const about of [{ tunnel: null }, { prove: older }]) {
      const { seen, call } = await credentialsSent(home, { mode: "bearer", verb, ...about });
      assert.equal(seen, []);
      assert.is(call?.status, "fail");
    }
  });

  test(`${verb}: control: where the daemon has proven the name it is sent`, async () => {
    const { seen } = await credentialsSent(home, { mode: "bearer", verb, prove: proven });
    assert.equal([...new Set(seen)], [`Bearer ${secret}`]);
  });
}

test.run();
