import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ExecEnvironment } from "../../internal/config/config.js";
import { Fault } from "../../internal/errs/errs.js";
import { readSettings, type Settings } from "./flags.js";
import type { OAuthSettings } from "./oauth-settings.js";

const environment: ExecEnvironment = { inherit: "core", includeOnly: [], exclude: [], set: {} };
const defaults: Settings = {
  workspace: "/here",
  host: "127.0.0.1",
  port: 8000,
  stdio: false,
  token: undefined,
  oauth: undefined,
  publicOrigin: undefined,
  generateToken: false,
  profile: "full",
  profileGiven: false,
  permissionMode: "safe",
  allowNetwork: false,
  environment,
  execAllowRoots: [],
  sandboxMinimum: undefined,
  runtimeRoot: undefined,
  stateHome: undefined,
  viewImage: true,
  hostname: undefined,
  allowedOrigins: [],
  trace: false,
};

type Env = Readonly<Record<string, string>>;

/** Names without their prefix. */
function read(args: string, env: Env = {}): Settings | "help" | "version" {
  const prefixed = Object.entries(env).map(([name, value]) => [`CODING_TOOLS_MCP_${name}`, value]);
  return readSettings(args === "" ? [] : args.split(" "), Object.fromEntries(prefixed), "/here");
}

const oauth: OAuthSettings = {
  password: undefined,
  tokenSecret: undefined,
  tokenTtl: 86_400,
  client: undefined,
};

/** Flags, variables, and what they change in the defaults. */
const accepted: readonly [string, Env, Partial<Settings>][] = [
  ["", {}, {}],
  ["--workspace /w", {}, { workspace: "/w" }],
  ["", { WORKSPACE: "/w" }, { workspace: "/w" }],
  ["--workspace /flag", { WORKSPACE: "/variable" }, { workspace: "/flag" }],
  ["--workspace=/w", {}, { workspace: "/w" }],
  ["--host ::1 --port 0", {}, { host: "::1", port: 0 }],
  ["", { HOST: "0.0.0.0", PORT: "8765" }, { host: "0.0.0.0", port: 8765 }],
  ["", { HOST: "", PORT: "" }, {}],
  ["--stdio", {}, { stdio: true }],
  ["--auth-token t0ken", {}, { token: "t0ken" }],
  ["", { AUTH_TOKEN: "t0ken" }, { token: "t0ken" }],
  ["", { AUTH_TOKEN: "t0ken", AUTH_MODE: "bearer" }, { token: "t0ken" }],
  ["", { AUTH_MODE: "noauth" }, {}],
  ["--oauth-mode", {}, { oauth }],
  ["", { OAUTH_MODE: "1" }, { oauth }],
  ["", { AUTH_MODE: "oauth" }, { oauth }],
  ["--oauth-mode --auth-token t0ken", {}, { oauth, token: "t0ken" }],
  [
    "--oauth-mode",
    {
      OAUTH_PASSWORD: "pass word",
      OAUTH_TOKEN_SECRET: "AB".repeat(32),
      OAUTH_TOKEN_TTL: "60",
      OAUTH_CLIENT_ID: "web",
      OAUTH_CLIENT_SECRET: "s3cret",
      OAUTH_REDIRECT_URIS: "https://a.example/cb, http://127.0.0.1/cb",
    },
    {
      oauth: {
        password: "pass word",
        tokenSecret: "AB".repeat(32),
        tokenTtl: 60,
        client: {
          id: "web",
          secret: "s3cret",
          redirectUris: ["https://a.example/cb", "http://127.0.0.1/cb"],
        },
      },
    },
  ],
  [
    "--oauth-mode",
    { OAUTH_CLIENT_ID: "web" },
    {
      oauth: {
        ...oauth,
        client: { id: "web", secret: undefined, redirectUris: ["http://127.0.0.1/callback"] },
      },
    },
  ],
  ["", { GENERATE_AUTH_TOKEN: "1" }, { generateToken: true }],
  ["", { GENERATE_AUTH_TOKEN: "Yes", AUTH_MODE: "noauth" }, {}],
  ["--tool-profile read-only", {}, { profile: "read-only", profileGiven: true }],
  ["", { TOOL_PROFILE: "full" }, { profileGiven: true }],
  ["--permission-mode trusted", {}, { permissionMode: "trusted" }],
  ["", { PERMISSION_MODE: "dangerous" }, { permissionMode: "dangerous" }],
  ["--dangerously-skip-all-permissions", {}, { permissionMode: "dangerous" }],
  ["--permission-mode safe", { DANGEROUSLY_SKIP_ALL_PERMISSIONS: "on" }, { permissionMode: "dangerous" }],
  [
    "--allow-network --shell-env-inherit all",
    {},
    { allowNetwork: true, environment: { ...environment, inherit: "all" } },
  ],
  ["", { ALLOW_NETWORK: "1" }, { allowNetwork: true }],
  ["", { TELEMETRY: "off" }, {}],
  [
    "",
    {
      SHELL_ENV_INHERIT: "none",
      SHELL_ENV_INCLUDE_ONLY: "A*, ?B,",
      SHELL_ENV_EXCLUDE: "C",
      SHELL_ENV_SET: '{"A":"b","N":1,"T":true}',
    },
    {
      environment: {
        inherit: "none",
        includeOnly: ["A*", "?B"],
        exclude: ["C"],
        set: { A: "b", N: "1", T: "true" },
      },
    },
  ],
  [
    "--shell-env-inherit none",
    { SHELL_ENV_INHERIT: "all" },
    { environment: { ...environment, inherit: "none" } },
  ],
  ["", { EXEC_ALLOW_ROOTS: "/etc/java::~/sdk" }, { execAllowRoots: ["/etc/java", "~/sdk"] }],
  ["", { SANDBOX_MINIMUM: "filesystem-only" }, { sandboxMinimum: "filesystem-only" }],
  ["", { RUNTIME_ROOT: "/r" }, { runtimeRoot: "/r" }],
  ["", { ENABLE_VIEW_IMAGE: "0" }, { viewImage: false }],
  ["--enable-view-image", { ENABLE_VIEW_IMAGE: "0" }, {}],
  ["", { ENABLE_VIEW_IMAGE: "TRUE" }, {}],
  [
    "",
    { SERVER_URL: "https://mcp.example.com/" },
    {
      publicOrigin: "https://mcp.example.com",
      hostname: "mcp.example.com",
      allowedOrigins: ["https://mcp.example.com"],
    },
  ],
  [
    "",
    { SERVER_URL: "http://192.0.2.7:8443", ALLOWED_ORIGINS: "https://a.example" },
    {
      publicOrigin: "http://192.0.2.7:8443",
      hostname: "192.0.2.7",
      allowedOrigins: ["http://192.0.2.7:8443", "https://a.example"],
    },
  ],
  [
    "",
    { ALLOWED_ORIGINS: "https://a.example, http://b.example:8080," },
    { allowedOrigins: ["https://a.example", "http://b.example:8080"] },
  ],
  ["", { TRACE: "1" }, { trace: true }],
  ["", { TRACE: "0" }, {}],
];

for (const [args, env, changes] of accepted) {
  test(`${args} ${JSON.stringify(env)}`, () => {
    assert.equal(read(args, env), { ...defaults, ...changes });
  });
}

/** What is refused, and a word of the reason. */
const refused: readonly [string, Env, RegExp][] = [
  ["--no-such-flag", {}, /no-such-flag/],
  ["extra", {}, /extra/],
  ["--port", {}, /port/],
  ["--port 70000", {}, /70000/],
  ["--port http", {}, /http/],
  ["", { PORT: "-1" }, /-1/],
  ["--tool-profile some", {}, /read-only/],
  ["--tool-profile compat-readonly-all", {}, /never falsified/],
  ["", { TOOL_PROFILE: "compat-readonly-all" }, /never falsified/],
  ["--dangerously-fake-readonly-annotations", {}, /never falsified/],
  ["", { DANGEROUSLY_FAKE_READONLY_ANNOTATIONS: "1" }, /never falsified/],
  ["--oauth-mode", { AUTH_MODE: "noauth" }, /contradict/],
  ["--oauth-mode", { OAUTH_TOKEN_SECRET: "ab".repeat(31) }, /OAUTH_TOKEN_SECRET/],
  ["--oauth-mode", { OAUTH_TOKEN_SECRET: "xy".repeat(32) }, /OAUTH_TOKEN_SECRET/],
  ["--oauth-mode", { OAUTH_TOKEN_TTL: "59" }, /OAUTH_TOKEN_TTL is 59/],
  ["--oauth-mode", { OAUTH_TOKEN_TTL: "604801" }, /OAUTH_TOKEN_TTL is 604801/],
  ["--oauth-mode", { OAUTH_TOKEN_TTL: "1h" }, /OAUTH_TOKEN_TTL is 1h/],
  ["--oauth-mode", { OAUTH_CLIENT_ID: "web", OAUTH_REDIRECT_URIS: "callback" }, /callback is not a URL/],
  ["--oauth-mode", { OAUTH_CLIENT_SECRET: "s3cret" }, /without OAUTH_CLIENT_ID/],
  ["", { AUTH_MODE: "basic" }, /AUTH_MODE is basic/],
  ["", { AUTH_MODE: "bearer" }, /needs a token/],
  ["--auth-token t0ken", { AUTH_MODE: "noauth" }, /contradict/],
  ["--permission-mode root", {}, /root/],
  ["--shell-env-inherit some", {}, /some/],
  ["", { SHELL_ENV_SET: "[]" }, /JSON object/],
  ["", { SHELL_ENV_SET: "{" }, /JSON object/],
  ["", { SHELL_ENV_SET: '{"a-b":"c"}' }, /a-b/],
  ["", { SHELL_ENV_SET: '{"A":{}}' }, /value of A/],
  ["", { SHELL_ENV_SET: '{"A":null}' }, /value of A/],
  ["", { SHELL_ENV_SET: '{"A":"b\\u0000"}' }, /value of A/],
  ["", { SANDBOX_MINIMUM: "weak" }, /weak/],
  ["", { SERVER_URL: "mcp.example.com:x" }, /not a URL/],
  ["", { ALLOWED_ORIGINS: "https://a.example,nonsense" }, /nonsense/],
];

for (const [args, env, reason] of refused) {
  test(`refused: ${args} ${JSON.stringify(env)}`, () => {
    assert.throws(
      () => read(args, env),
      (error: unknown) => error instanceof Fault && error.code === "USAGE" && reason.test(error.message),
    );
  });
}

test("help and version are all they ask for", () => {
  assert.is(read("--help --port nonsense"), "help");
  assert.is(read("-h"), "help");
  assert.is(read("--version"), "version");
});

test.run();
