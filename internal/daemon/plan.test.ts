import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Config, OAuthConfig } from "../config/config.js";
import { planChange } from "./plan.js";

const exec = { path: [], env: {} } as const;
const app = { id: "app", path: "/src/app", real: "/src/app", profile: "read-only", exec } as const;
const docs = { id: "docs", path: "/src/docs", real: "/src/docs", profile: "read-only", exec } as const;
const base: Config = {
  version: 1,
  hostname: undefined,
  publicOrigin: undefined,
  listen: { host: "127.0.0.1", port: 8765 },
  workspaces: [app, docs],
  auth: { mode: "bearer", tokenFile: undefined, token: "first-token", oauth: {} as OAuthConfig },
  tunnel: undefined,
  allowedOrigins: [],
  limits: { callsPerSecond: 50, burst: 200, concurrentCalls: 16, heavyCalls: 2, connections: 512 },
  exec: {
    permissionMode: "safe",
    approvals: "owner",
    environment: { inherit: "core", includeOnly: [], exclude: [], set: {} },
    sandbox: { minimum: "strong", network: "none", read: [], write: [] },
  },
  viewImage: true,
  log: { level: "info" },
  audit: { maxBytes: 16 * 2 ** 20, keep: 8 },
  metrics: { listen: undefined },
  stateDir: "/state",
  runtimeDir: "/run",
};

/** What differs, and the lines the owner reads. */
const cases: readonly [Partial<Config>, readonly string[], (readonly string[])?][] = [
  [{}, []],
  [{ hostname: "mcp.example.com" }, ["hostname: none -> mcp.example.com"]],
  [{ listen: { host: "::1", port: 80 } }, ["listen: 127.0.0.1:8765 -> [::1]:80"]],
  [{ workspaces: [app] }, ["workspace docs removed"]],
  [{ workspaces: [docs, app] }, ["default workspace is docs"]],
  [{ workspaces: [{ ...app, profile: "full" }, docs] }, ["workspace app: read-only -> full"]],
  [{ workspaces: [{ ...app, path: "/b" }, docs] }, ["workspace app: /src/app -> /b"]],
  [
    { workspaces: [app, { ...docs, id: "notes" }] },
    ["workspace notes added: /src/docs (read-only)", "workspace docs removed"],
  ],
  [{ auth: { ...base.auth, mode: "none" } }, ["auth.mode: bearer -> none"]],
  [{ auth: { ...base.auth, tokenFile: "/token" } }, ["auth.token_file: none -> /token"]],
  [{ tunnel: { provider: "none" } }, ["tunnel: absent -> provider none"]],
  [{ allowedOrigins: ["https://a.example"] }, ["allowed_origins: none -> https://a.example"]],
  [
    { workspaces: [{ ...app, exec: { path: ["/bin"], env: {} } }, docs] },
    ["workspace app: exec.path: none -> /bin"],
  ],
  [
    { exec: { ...base.exec, permissionMode: "trusted", approvals: "client" } },
    ["exec.permission_mode: safe -> trusted", "exec.approvals: owner -> client"],
  ],
  [
    { exec: { ...base.exec, sandbox: { minimum: "none", network: "host", read: ["/r"], write: ["/w"] } } },
    [
      "exec.sandbox.minimum: strong -> none",
      "exec.sandbox.network: none -> host",
      "exec.sandbox.read: none -> /r",
      "exec.sandbox.write: none -> /w",
    ],
  ],
  [{ viewImage: false }, ["view_image: true -> false"]],
  [{ log: { level: "debug" } }, ["log.level: info -> debug"]],
  [{ stateDir: "/other" }, [], ["state_dir"]],
  [{ runtimeDir: "/other", viewImage: false }, ["view_image: true -> false"], ["runtime_dir"]],
];

for (const [difference, changes, restartNeeded = []] of cases) {
  test(`a plan for ${JSON.stringify(difference)}`, () => {
    assert.equal(planChange(base, { ...base, ...difference }), { changes, restartNeeded });
  });
}

test("a plan tells that limits differ, and that secrets do, but not which", () => {
  const limits = { ...base.limits, burst: 7 };
  assert.match(planChange(base, { ...base, limits }).changes.join(), /^limits: .*"burst":7/);
  const auth = { ...base.auth, token: "second-token" };
  const lines = planChange(base, { ...base, auth }).changes.join();
  assert.match(lines, "auth.token");
  assert.not.match(lines, /first-token|second-token/);
  const secretive = { ...app, exec: { path: [], env: { NPM_TOKEN: "npm-secret" } } };
  assert.equal(planChange(base, { ...base, workspaces: [secretive, docs] }).changes, [
    "workspace app: exec.env: other values",
  ]);
});

test.run();
