import { chmodSync, chownSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ExecConfig, OAuthConfig } from "./config.js";
import { loadConfig } from "./load.js";
import { faultOf, makeLoadPlace } from "./load.test.util.js";
import { type ConfigProblem, problemsOf } from "./problem.js";

const { folder, home, path, uid, env, load, close } = makeLoadPlace();
test.after(close);

/** `line:col` of each problem. */
function places(problems: readonly ConfigProblem[]): string[] {
  return problems.map(({ line, col }) => `${line}:${col}`);
}

const exec: ExecConfig = {
  permissionMode: "safe",
  approvals: "owner",
  environment: { inherit: "core", includeOnly: [], exclude: [], set: {} },
  sandbox: { minimum: "strong", network: "none", read: [], write: [] },
};
/** A folder of the home directory, as a workspace names it. */
const at = (name: string) => ({ path: join(home, name), real: realpathSync(join(home, name)) });
const noExec = { path: [], env: {} };
const app = "workspaces: [{path: src/app}]\n";

const oauth: OAuthConfig = {
  password: undefined,
  passwordFile: undefined,
  accessTokenTtl: 86_400,
  refreshTokenTtl: 7_776_000,
  refreshGrace: 120,
  redirectUris: [],
  tokenSecret: undefined,
  clients: [],
};

test("a file with the required keys only gets every default", () => {
  const { config, warnings } = load(`version: 1\n${app}`);
  assert.equal(warnings, []);
  assert.equal(config, {
    version: 1,
    hostname: undefined,
    publicOrigin: undefined,
    listen: { host: "127.0.0.1", port: 8765 },
    workspaces: [{ id: "app", ...at("src/app"), profile: "read-only", exec: noExec }],
    auth: { mode: "bearer", tokenFile: undefined, token: undefined, oauth },
    tunnel: undefined,
    allowedOrigins: [],
    limits: {
      callsPerSecond: 50,
      burst: 200,
      concurrentCalls: 16,
      heavyCalls: availableParallelism(),
      connections: 512,
    },
    exec,
    viewImage: true,
    log: { level: "info" },
    audit: { maxBytes: 16 * 2 ** 20, keep: 8 },
    metrics: { listen: undefined },
    stateDir: join(home, ".local/state/coding-tools-mcp"),
    runtimeDir: join(home, ".local/state/coding-tools-mcp"),
  });
});

test("every key is read", () => {
  const { config, lines, digest } = load(`version: 1
hostname: MCP.Example.com
listen: "[::1]:0"
profile: full
workspaces:
  - {id: a, path: "~/\${env:SRC}/app", profile: read-only, exec: {path: [src/docs], env: {T: "\${env:TOKEN}"}}}
  - path: ./src/docs
auth: {mode: bearer, token: "\${env:TOKEN}"}
tunnel: {provider: none}
allowed_origins: ["HTTPS://App.Example.com:443", "vscode-webview://Abc"]
limits: {calls_per_second: 0.5, burst: 1, concurrent_calls: 2, heavy_calls: 3, connections: 4}
exec: {permission_mode: trusted}
view_image: false
log: {level: debug}
audit: {max_file_mb: 1, keep: 2}
metrics: {listen: "[::1]:9464"}
state_dir: state
runtime_dir: ${folder}/run
`);
  assert.equal(config, {
    version: 1,
    hostname: "mcp.example.com",
    publicOrigin: "https://mcp.example.com",
    listen: { host: "::1", port: 0 },
    workspaces: [
      {
        id: "a",
        ...at("src/app"),
        profile: "read-only",
        exec: { path: [join(home, "src/docs")], env: { T: env.TOKEN } },
      },
      { id: "docs", ...at("src/docs"), profile: "full", exec: noExec },
    ],
    auth: { mode: "bearer", tokenFile: undefined, token: env.TOKEN, oauth },
    tunnel: { provider: "none" },
    allowedOrigins: ["https://app.example.com", "vscode-webview://abc"],
    limits: { callsPerSecond: 0.5, burst: 1, concurrentCalls: 2, heavyCalls: 3, connections: 4 },
    exec: { ...exec, permissionMode: "trusted" },
    viewImage: false,
    log: { level: "debug" },
    audit: { maxBytes: 2 ** 20, keep: 2 },
    metrics: { listen: { host: "::1", port: 9464 } },
    stateDir: join(home, "state"),
    runtimeDir: join(folder, "run"),
  });
  assert.is(lines.get("workspaces[1].path"), 7);
  assert.is(lines.get("log.level"), 14);
  assert.match(digest, /^[0-9a-f]{64}$/);
});

/** Each text, where its problems stand, and a word that the hints must hold. */
const invalid: [text: string, at: string[], hint?: string][] = [
  // The text itself.
  ["", ["1:1"]],
  ["# only a comment\n", ["1:1"]],
  ["[1]\n", ["1:1"]],
  [`version: 1\n${app}log: {level: info\n`, ["4:1"]],
  [`version: 1\n${app}a: 'b\n`, ["4:1"]],
  [`version: 1\n\tlisten: x\n${app}`, ["2:1"]],
  [`version: 1\n${app}---\nversion: 1\n`, ["3:1"]],
  [`version: 1\n${app}version: 1\n`, ["3:1"]],
  [`version: 1\n${app}profile: &p full\n`, ["3:13"]],
  [`version: &v 1\n${app}hostname: *h\n`, ["1:13", "3:11"]],
  [`version: !!int 1\n${app}log: !mine {level: info}\n`, ["1:16", "3:12"]],
  // Keys and types.
  [`version: 2\n${app}`, ["1:10"]],
  [app, ["1:1"]],
  ["version: 1\n", ["1:1"]],
  [`version: 1\n${app}profil: full\n`, ["3:1"], "'profile'"],
  [`version: 1\n${app}lisetn: x\n`, ["3:1"], "'listen'"],
  [`version: 1\n${app}zzz: x\n`, ["3:1"], "allowed_origins"],
  [`version: 1\n${app}"<<": {hostname: a.example.com}\n`, ["3:1"]],
  [`version: 1\n${app}__proto__: {hostname: a.example.com}\n`, ["3:1"]],
  [`version: 1\n${app}? [a]\n: b\n`, ["3:3"]],
  ["version: 1\nworkspaces:\n  - path: src/app\n  - pth: src/docs\n", ["4:5", "4:5"], "'path'"],
  ["version: 1\nworkspaces: []\n", ["2:13"]],
  ["version: 1\nworkspaces: [src/app]\n", ["2:14"]],
  [`version: 1\n${app}profile: ful\n`, ["3:10"], "'full'"],
  [`version: 1\n${app}profile: [full]\n`, ["3:10"]],
  [`version: 1\n${app}auth:\n`, ["3:1"]],
  [`version: 1\n${app}auth: {mode: oath}\n`, ["3:14"]],
  [`version: 1\n${app}shell: {}\n`, ["3:1"]],
  [`version: 1\n${app}tunnel: {}\n`, ["3:9"]],
  [`version: 1\n${app}tunnel: {provider: ngrk}\n`, ["3:20"], "'ngrok'"],
  [`version: 1\n${app}view_image: "yes"\n`, ["3:13"]],
  [
    `version: 1\n${app}limits: {burst: 0, connections: 1.5, calls_per_second: .inf}\n`,
    ["3:17", "3:33", "3:56"],
  ],
  // Forms.
  [`version: 1\n${app}listen: 8765\n`, ["3:9"], "127.0.0.1:8765"],
  [`version: 1\n${app}listen: ":80"\n`, ["3:9"], "127.0.0.1:80"],
  [`version: 1\n${app}listen: example.com:80\n`, ["3:9"]],
  [`version: 1\n${app}listen: 127.0.0.1:65536\n`, ["3:9"]],
  [`version: 1\n${app}listen: 127.0.0.256:1\n`, ["3:9"]],
  [`version: 1\n${app}listen: "[::g]:1"\n`, ["3:9"]],
  [`version: 1\n${app}hostname: https://MCP.example.com:443/mcp\n`, ["3:11"], "write mcp.example.com"],
  [`version: 1\n${app}hostname: localhost\n`, ["3:11"]],
  [`version: 1\n${app}hostname: 10.0.0.1\n`, ["3:11"]],
  [
    `version: 1\n${app}allowed_origins: [https://a.example.com/, 3, "https://[z]"]\n`,
    ["3:19", "3:43", "3:46"],
    "write https://a.example.com",
  ],
  // References and paths.
  [`version: 1\n${app}state_dir: \${env:NOPE}/x\n`, ["3:12"], "NOPE"],
  [`version: 1\n${app}state_dir: \${env:EMPTY}\n`, ["3:12"], "EMPTY"],
  [`version: 1\n${app}state_dir: \${HOME}/x\n`, ["3:12"]],
  [`version: 1\n${app}runtime_dir: ~root/x\n`, ["3:14"]],
  [`version: 1\n${app}state_dir: "a\\0b"\n`, ["3:12"]],
  [`version: 1\n${app}hostname: \${env:SRC}\n`, ["3:11"]],
  [`version: 1\n${app}runtime_dir: /${"x".repeat(90)}\n`, ["3:14"]],
  // Workspaces.
  ["version: 1\nworkspaces: [{path: src/nope}]\n", ["2:21"]],
  ["version: 1\nworkspaces: [{path: file}]\n", ["2:21"]],
  ["version: 1\nworkspaces: [{path: file/below}]\n", ["2:21"]],
  ["version: 1\nworkspaces: [{path: /}]\n", ["2:21"]],
  ['version: 1\nworkspaces: [{path: "~"}]\n', ["2:21"]],
  ["version: 1\nworkspaces: [{path: .}]\n", ["2:21"]],
  ["version: 1\nworkspaces: [{path: src/to-home}]\n", ["2:21"]],
  ["version: 1\nworkspaces: [{path: ..}]\n", ["2:21"]],
  ["version: 1\nworkspaces: [{path: src/___}]\n", ["2:21"]],
  ["version: 1\nworkspaces: [{id: My App, path: src/app}]\n", ["2:19"], "my-app"],
  ["version: 1\nworkspaces:\n  - path: src/app\n  - path: link\n", ["4:11"]],
  ["version: 1\nworkspaces:\n  - path: src/app\n  - {id: app, path: src/docs}\n", ["4:10"]],
  // Who may come in.
  [`version: 1\n${app}auth: {mode: none}\nlisten: 0.0.0.0:1\n`, ["3:14"]],
  [`version: 1\n${app}auth: {mode: none}\nlisten: "[::]:1"\n`, ["3:14"]],
  [`version: 1\n${app}auth: {mode: none}\nhostname: a.example.com\n`, ["3:14"]],
  [`version: 1\n${app}auth: {mode: none}\ntunnel: {provider: none}\n`, ["3:14"]],
  [`version: 1\n${app}auth: {token: canary-in-the-file}\n`, ["3:15"]],
  [`version: 1\n${app}auth: {token: "\${env:ODD}"}\n`, ["3:15"]],
  [`version: 1\n${app}auth: {token: "\${env:TOKEN}", token_file: token}\n`, ["3:15"]],
  [`version: 1\n${app}auth: {token_file: absent}\n`, ["3:20"]],
  [`version: 1\n${app}auth: {token_file: open-token}\n`, ["3:20"], "chmod 600"],
];

test("everything invalid is refused where it stands, with words that help and without secrets", () => {
  for (const [text, at, hint = ""] of invalid) {
    const fault = faultOf(() => load(text));
    assert.is(fault?.code, "CONFIG_INVALID", text);
    const problems = problemsOf(fault);
    assert.equal(places(problems), at, `${text}\n${JSON.stringify(problems, undefined, 1)}`);
    assert.ok(
      problems.some((problem) => (problem.hint ?? "").includes(hint)),
      `${hint} for ${text}`,
    );
    assert.not.match(JSON.stringify(problems), /canary|cana ry/);
  }
});

test("a value in the wrong form is told the rule, beside what to write", () => {
  const [problem] = problemsOf(faultOf(() => load("version: 1\nworkspaces: [{id: A B, path: src/app}]\n")));
  assert.match(problem?.message ?? "", /a-z, 0-9 and -/);
  assert.is(problem?.hint, "write a-b");
});

test("the same forms are accepted where they are right", () => {
  const valid = [
    "listen: localhost:1\n",
    'listen: "[::1]:65535"\nauth: {mode: none}\n',
    "listen: 127.9.9.9:1\nauth: {mode: none}\n",
    "hostname: xn--bcher-kva.example\ntunnel: {provider: none}\n",
    "auth: {token_file: token}\n",
    `auth: {token_file: "\${env:SRC}/../token"}\n`,
    `auth: {token: "\${env:TOKEN}"}\n`,
  ];
  for (const text of valid) assert.equal(load(`version: 1\n${app}${text}`).warnings, [], text);
  assert.is(load('version: 1\nworkspaces: [{path: "src/Bad Näme"}]\n').config.workspaces[0].id, "bad-n-me");
});

test("all problems come at once, in the order of the file", () => {
  const fault = faultOf(() =>
    load(`version: 1
profil: full
listen: nowhere
workspaces:
  - path: src/nope
  - path: src/app
    id: app!
  - path: src/app
auth: {mode: none}
auth: {mode: none}
hostname: a.example.com
`),
  );
  assert.equal(places(problemsOf(fault)), ["2:1", "3:9", "5:11", "7:9", "8:11", "9:14", "10:1"]);
});

const inFull = "version: 1\nworkspaces: [{path: src/app, profile: full}]\n";

test("what is probably not meant is a warning", () => {
  const rows: [text: string, at: string[]][] = [
    [`version: 1\n${app}hostname: a.example.com\n`, ["3:11"]],
    [`version: 1\n${app}listen: 0.0.0.0:1\n`, ["3:9"]],
    [`version: 1\n${app}auth: {token: "\${env:SHORT}"}\n`, ["3:15"]],
    ["version: 1\nprofile: full\nworkspaces: [{path: src}, {path: src/app, profile: read-only}]\n", ["3:34"]],
    ["version: 1\nprofile: full\nworkspaces: [{path: src}, {path: src/app}]\n", []],
    [
      "version: 1\nworkspaces: [{path: src/app, profile: full}]\nstate_dir: link/.state\nruntime_dir: run\n",
      ["3:12"],
    ],
    ["version: 1\nworkspaces: [{path: src/app}]\nstate_dir: link/.state\nruntime_dir: run\n", []],
    [`${inFull}tunnel: {provider: devtunnel, id: a, program: link/bin/t}\n`, ["3:47"]],
    [
      `${inFull}tunnel: {provider: command, url: "https://a.example.com", argv: [${home}/src/app/t]}\n`,
      ["3:66"],
    ],
    [`${inFull}tunnel: {provider: devtunnel, id: a, program: /usr/bin/t}\n`, []],
  ];
  for (const [text, at] of rows) assert.equal(places(load(text).warnings), at, text);
});

test("a link by which a file of the daemon is found, in a full workspace, is one too", () => {
  const link = join(home, "src/app/link.yaml");
  load(`version: 1\nworkspaces: [{path: ${home}/src/app, profile: full}]\n`);
  symlinkSync(path, link);
  const { warnings } = loadConfig({ path: link, env, home, uid });
  assert.match(warnings.map(({ message }) => message).join(), `can change ${link}`);
  assert.equal(loadConfig({ path, env, home, uid }).warnings, [], "control: by its own name");
  rmSync(link);
});

test("the file's own faults have codes of their own", () => {
  assert.is(
    faultOf(() => loadConfig({ path: join(home, "absent.yaml"), env, home, uid }))?.code,
    "CONFIG_MISSING",
  );
  assert.is(faultOf(() => loadConfig({ path: home, env, home, uid }))?.code, "FAILED");
  load(`version: 1\n${app}`);
  chmodSync(path, 0o666);
  assert.is(faultOf(() => loadConfig({ path, env, home, uid }))?.code, "PERMISSION");
  chmodSync(path, 0o644);
  assert.is(
    faultOf(() => loadConfig({ path, env, home, uid })),
    undefined,
  );
  const link = join(folder, "link.yaml");
  symlinkSync(path, link);
  // Relative paths start where the link stands, as the file is known by that name.
  assert.is(faultOf(() => loadConfig({ path: link, env, home, uid }))?.code, "CONFIG_INVALID");
  if (uid === 0) chownSync(path, 12_345, 12_345);
  assert.is(faultOf(() => loadConfig({ path, env, home, uid: uid === 0 ? 0 : uid + 1 }))?.code, "PERMISSION");
  rmSync(path);
});

test("byte order mark, CRLF and broken UTF-8", () => {
  assert.is(load(`\uFEFFversion: 1\r\n${app}`).config.version, 1);
  assert.equal(places(problemsOf(faultOf(() => load(`version: 1\r\n${app}profil: x\r\n`)))), ["3:1"]);
  const broken = Buffer.concat([
    Buffer.from("version: 1\n# \u00e9 "),
    Buffer.from([0xff]),
    Buffer.from(`\n${app}`),
  ]);
  assert.equal(places(problemsOf(faultOf(() => load(broken)))), ["2:5"]);
});

test.run();
