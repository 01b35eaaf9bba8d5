import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Config } from "../../internal/config/config.js";
import { Fault } from "../../internal/errs/errs.js";
import { configFrom } from "./config.js";
import { readSettings } from "./flags.js";
import { redactorFor } from "./redactor.js";

const dir = realpathSync(mkdtempSync(join(tmpdir(), "flags-")));
/** Too long for a socket below it. */
const home = join(dir, "h".repeat(100));
/** Its name has no letter that an id may have. */
const project = join(home, "項目");
mkdirSync(project, { recursive: true });

function configOf(args: readonly string[], env: Readonly<Record<string, string>> = {}): Config {
  const settings = readSettings(args, env, project);
  if (typeof settings === "string") throw new Error(settings);
  return configFrom(settings, {
    cwd: project,
    home,
    uid: 0,
    generateToken: () => "generated-token",
    generatePassword: () => "generated-password",
  });
}

test("the folder it is started in is the workspace, for everything on loopback", () => {
  const { workspaces, auth, listen } = configOf([]);
  assert.equal(
    workspaces.map(({ path, profile }) => [path, profile]),
    [[project, "full"]],
  );
  assert.equal([auth.mode, listen], ["none", { host: "127.0.0.1", port: 8000 }]);
});

test("a relative workspace starts at the current directory", () => {
  mkdirSync(join(project, "sub"));
  assert.is(configOf(["--workspace", "sub"]).workspaces[0].path, join(project, "sub"));
});

test("a token is taken as it is, whatever it looks like", () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is the point
  for (const token of ["plain-token", "${env:HOME}", "~/x"])
    assert.is(configOf(["--auth-token", token]).auth.token, token);
});

const generate = { CODING_TOOLS_MCP_GENERATE_AUTH_TOKEN: "1" };

test("an address that others reach needs a credential", () => {
  const exposed = [
    ["--host", "0.0.0.0"],
    ["--host", "::"],
    ["--host", "192.0.2.1"],
  ];
  for (const args of exposed) {
    assert.throws(() => configOf(args), isUsage);
    assert.is(configOf(args, generate).auth.token, "generated-token");
    assert.is(configOf([...args, "--auth-token", "mine"], generate).auth.token, "mine");
    assert.is(configOf([...args, "--stdio"]).auth.mode, "none");
  }
  const server = { CODING_TOOLS_MCP_SERVER_URL: "https://mcp.example.com" };
  assert.throws(() => configOf([], server), isUsage);
  assert.is(configOf([], { ...server, ...generate }).hostname, "mcp.example.com");
  assert.is(configOf(["--stdio"], server).hostname, undefined);
  assert.is(configOf([], generate).auth.mode, "none", "nobody else reaches it");
});

test("sign-in is a credential, alone or beside a token", () => {
  const signIn = ["--oauth-mode", "--host", "0.0.0.0"];
  const { auth } = configOf(signIn, generate);
  assert.equal([auth.mode, auth.oauth.password, auth.token], ["oauth", "generated-password", undefined]);
  assert.is(configOf([...signIn, "--auth-token", "mine"]).auth.mode, "oauth+bearer");
  assert.is(configOf(["--oauth-mode", "--stdio"]).auth.mode, "none", "nobody signs in over stdio");
  const told = configOf(signIn, {
    CODING_TOOLS_MCP_OAUTH_PASSWORD: "mine",
    CODING_TOOLS_MCP_OAUTH_TOKEN_SECRET: "ab".repeat(32),
    CODING_TOOLS_MCP_OAUTH_TOKEN_TTL: "60",
    CODING_TOOLS_MCP_OAUTH_CLIENT_ID: "web",
    CODING_TOOLS_MCP_SERVER_URL: "https://mcp.example.com:8443/mcp",
  });
  const { password, tokenSecret, accessTokenTtl, clients } = told.auth.oauth;
  assert.equal([password, tokenSecret, accessTokenTtl], ["mine", "ab".repeat(32), 60]);
  assert.equal(
    clients.map(({ id }) => id),
    ["web"],
  );
  assert.is(told.publicOrigin, "https://mcp.example.com:8443");
});

test("the whole machine, the home directory, a file and what is missing are no workspace", () => {
  for (const path of ["/", home, join(home, ".."), join(project, "missing"), "/etc/passwd"])
    assert.throws(() => configOf(["--workspace", path]), isUsage, path);
});

test("commands stand in a strong sandbox without network until told otherwise", () => {
  const { exec } = configOf([]);
  assert.equal([exec.permissionMode, exec.sandbox.minimum, exec.sandbox.network], ["safe", "strong", "none"]);
  const told = configOf(["--allow-network", "--dangerously-skip-all-permissions"], {
    CODING_TOOLS_MCP_SANDBOX_MINIMUM: "none",
    CODING_TOOLS_MCP_EXEC_ALLOW_ROOTS: "~/sdk:../lib:/etc",
    CODING_TOOLS_MCP_SHELL_ENV_SET: '{"A":"b"}',
  }).exec;
  assert.equal(told, {
    permissionMode: "dangerous",
    approvals: "owner",
    environment: { inherit: "core", includeOnly: [], exclude: [], set: { A: "b" } },
    sandbox: {
      minimum: "none",
      network: "host",
      read: [join(home, "sdk"), join(home, "lib"), "/etc"],
      write: [],
    },
  });
});

test("no output shows what was given as a secret", () => {
  const config = configOf(["--oauth-mode", "--auth-token", "token-0123456789"], {
    CODING_TOOLS_MCP_OAUTH_CLIENT_ID: "web",
    CODING_TOOLS_MCP_OAUTH_CLIENT_SECRET: "client-0123456789",
    CODING_TOOLS_MCP_SHELL_ENV_SET: '{"API_KEY":"key-0123456789","MODE":"production"}',
  });
  const { text } = redactorFor(config);
  assert.is(text("token-0123456789 client-0123456789 key-0123456789 production"), "*** *** *** production");
});

test("each workspace has a state directory of its own, the same at every start", () => {
  mkdirSync(join(project, "other"), { recursive: true });
  symlinkSync(project, join(home, "link"));
  const env = { CODING_TOOLS_MCP_RUNTIME_ROOT: join(dir, "state") };
  const stateOf = (path: string): string => configOf(["--workspace", path], env).stateDir;
  assert.is(stateOf(project), stateOf(join(home, "link")));
  assert.is.not(stateOf(project), stateOf(join(project, "other")));
  assert.is(dirname(stateOf(project)), join(dir, "state"));
  assert.ok(configOf([]).stateDir.startsWith(join(home, ".local/state/")));
  assert.ok(configOf([], { XDG_STATE_HOME: join(dir, "xdg") }).stateDir.startsWith(join(dir, "xdg/")));
});

test("state is never kept inside the workspace", () => {
  for (const root of [".", "sub/state", project, join(home, "link", "state")])
    assert.throws(() => configOf([], { CODING_TOOLS_MCP_RUNTIME_ROOT: root }), isUsage, root);
  assert.throws(() => configOf([], { XDG_STATE_HOME: project }), isUsage);
});

function isUsage(error: unknown): boolean {
  return error instanceof Fault && error.code === "USAGE";
}

test.after(() => rmSync(dir, { recursive: true }));
test.run();
