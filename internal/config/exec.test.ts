import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LoadedConfig, loadConfig } from "./load.js";
import { type ConfigProblem, problemsOf } from "./problem.js";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "ctmcp-exec-")));
const home = join(folder, "home");
const path = join(folder, "c.yaml");
const env = { VALUE: "from outside", EMPTY: "", APP: "home/app" };
for (const name of ["home/app", "home/sdk", "home/a:b", "state/inner"])
  mkdirSync(join(folder, name), { recursive: true });
symlinkSync(home, join(folder, "to-home"));
symlinkSync(join(folder, "state"), join(folder, "to-state"));
test.after(() => rmSync(folder, { recursive: true }));

function load(text: string): LoadedConfig {
  writeFileSync(path, text);
  return loadConfig({ path, env, home, uid: statSync(folder).uid });
}

function problems(text: string): readonly ConfigProblem[] {
  try {
    load(text);
    return [];
  } catch (error) {
    const found = problemsOf(error);
    if (found.length === 0) throw error;
    return found;
  }
}

function places(found: readonly ConfigProblem[]): string[] {
  return found.map(({ line, col }) => `${line}:${col}`);
}

/** A file with `exec` on its third line and what stands in the workspace's own. */
function file(exec: string, own = "{}", more = ""): string {
  return `version: 1\nworkspaces: [{path: home/app, profile: full, exec: ${own}}]\nexec: ${exec}\nstate_dir: state\nruntime_dir: run\n${more}`;
}

test("every key is read", () => {
  const text = `{permission_mode: dangerous, approvals: client, sandbox: {minimum: namespaces, network: host, read: [~/sdk, /usr], write: ["\${env:APP}"]}}`;
  const { permissionMode, approvals, sandbox } = load(file(text)).config.exec;
  assert.equal([permissionMode, approvals], ["dangerous", "client"]);
  assert.equal(sandbox, {
    minimum: "namespaces",
    network: "host",
    read: [join(home, "sdk"), "/usr"],
    write: [join(home, "app")],
  });
});

test("values that were given as secrets are told, settings are not", () => {
  const own = `{env: {A: "\${env:LONG}", B: "\${env:SHORT}", B_TOKEN: "\${env:SHORT}", API_KEY: in-the-file, MODE: production}}`;
  const auth = `auth: {mode: oauth+bearer, token_file: token, password: "\${env:PASSWORD}"}\n`;
  writeFileSync(join(folder, "token"), "token-0123456789abcdef\n", { mode: 0o600 });
  writeFileSync(path, file("{}", own, auth));
  const secrets: string[] = [];
  const variables = { LONG: "long-0123456789", SHORT: "yes", PASSWORD: "password-0123456789" };
  loadConfig({
    path,
    env: variables,
    home,
    uid: statSync(folder).uid,
    onSecret: (secret) => secrets.push(secret),
  });
  assert.equal(secrets.sort(), [
    "in-the-file",
    "long-0123456789",
    "password-0123456789",
    "token-0123456789abcdef",
    "yes",
  ]);
});

test("paths that commands are given too much by are refused", () => {
  const rows: [sandbox: string, at: string[]][] = [
    ["write: [/]", ["3:26"]],
    ['write: ["~"]', ["3:26"]],
    ["write: [to-home]", ["3:26"]],
    ["write: [.]", ["3:26"]],
    ['read: ["~"]', ["3:25"]],
    ["read: [to-home]", ["3:25"]],
    ["read: [state]", ["3:25"]],
    ["read: [to-state/inner]", ["3:25"]],
    ["write: [~/sdk, state/inner, run]", ["3:33", "3:46"]],
    ["read: [~other]", ["3:25"]],
    [`read: ["\${env:EMPTY}/x"]`, ["3:25"]],
    ["read: [3]", ["3:25"]],
    ["read: ~/sdk", ["3:24"]],
    ["minimum: weak", ["3:27"]],
    ["network: all", ["3:27"]],
    ["netwrok: none", ["3:18"]],
  ];
  for (const [sandbox, at] of rows) {
    const found = problems(file(`{sandbox: {${sandbox}}}`));
    assert.equal(places(found), at, `${sandbox}\n${JSON.stringify(found, undefined, 1)}`);
  }
  const { exec } = load(file("{sandbox: {read: [/, ~/sdk, .], write: [~/sdk]}}")).config;
  assert.equal(exec.sandbox.read, ["/", join(home, "sdk"), folder]);
  assert.equal(exec.sandbox.write, [join(home, "sdk")]);
});

test("variables are text or one whole reference, and never load code", () => {
  const { config } = load(
    file("{}", `{env: {A: "", _b1: "\${env:VALUE}", C: "$HOME \${HOME} ~", __proto__: x}}`),
  );
  const variables = config.workspaces[0].exec.env;
  assert.equal(Object.entries(variables), [
    ["A", ""],
    ["_b1", "from outside"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: that is the point
    ["C", "$HOME ${HOME} ~"],
    ["__proto__", "x"],
  ]);
  const refused = [
    ...["LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES", "NODE_OPTIONS", "BASH_ENV", "ENV", "PYTHONPATH"],
    ...["PATH", "HOME", "TMPDIR"],
  ];
  for (const name of refused) {
    const [problem, more] = problems(file("{}", `{env: {${name}: x, NOT_${name}: x}}`));
    assert.match(problem?.message ?? "", name);
    assert.ok(problem?.hint, name);
    assert.is(more, undefined);
  }
});

test("what cannot be a variable is told where it stands", () => {
  const rows: [env: string, hint: string][] = [
    ["{a-b: x}", "letters"],
    ["{1A: x}", "letters"],
    ['{"": x}', "letters"],
    ["{A: 3000}", "quotes"],
    ["{A: true}", "quotes"],
    ["{A: [x]}", "quotes"],
    ["{A: }", "remove the key"],
    [`{A: "x\${env:VALUE}"}`, "nothing else"],
    [`{A: "\${env:ABSENT}"}`, "ABSENT"],
    [`{A: "\${env:EMPTY}"}`, "EMPTY"],
    ["[A]", ""],
  ];
  for (const [variables, hint] of rows) {
    const [problem, more] = problems(file("{}", `{env: ${variables}}`));
    assert.match(problem?.hint ?? "", hint, variables);
    assert.is(problem?.line, 2, variables);
    assert.is(more, undefined, variables);
  }
  assert.is(problems(file("{}", '{env: {A: "x\\0"}}')).length, 1);
  assert.is(problems(file("{}", "{path: ['~/a:b']}")).length, 1);
});

test("a workspace that is missing hides nothing that is wrong with its commands", () => {
  const text = "version: 1\nworkspaces: [{path: absent, exec: {env: {LD_PRELOAD: x}}}]\n";
  assert.is(problems(text).length, 2);
});

test("what is probably not meant is a warning", () => {
  const hostname = "hostname: a.example.com\ntunnel: {provider: none}\n";
  const rows: [text: string, at: string[]][] = [
    [file("{permission_mode: dangerous}", "{}", hostname), ["3:25"]],
    [file("{permission_mode: dangerous}"), []],
    [file("{permission_mode: trusted}", "{}", hostname), []],
    [file("{sandbox: {minimum: none}}"), ["3:27"]],
    [file("{sandbox: {minimum: none}}").replace("full", "read-only"), []],
    [file("{sandbox: {minimum: filesystem-only}}"), []],
    [file("{sandbox: {read: [absent], write: [absent/below]}}"), ["3:25", "3:42"]],
    [file("{}", "{path: [absent]}"), ["2:60"]],
    [file("{}", "{env: {MY_TOKEN: literal}}"), ["2:69"]],
    [file("{}", `{env: {MY_TOKEN: "\${env:VALUE}"}}`), []],
    [
      `${file("{sandbox: {write: [around]}}")}`.replace("state_dir: state", "state_dir: around/state"),
      ["4:12"],
    ],
  ];
  mkdirSync(join(folder, "around"));
  for (const [text, at] of rows) {
    const { warnings } = load(text);
    assert.equal(places(warnings), at, `${text}\n${JSON.stringify(warnings, undefined, 1)}`);
  }
});

test.run();
