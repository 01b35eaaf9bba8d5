import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openPassword } from "../../internal/auth/password.js";
import { systemClock } from "../../internal/clock/clock.js";
import { loadConfig } from "../../internal/config/load.js";
import { ctl, type Home, makeHome, onTerminal, type TypedAnswer } from "./ctl.test.util.js";

const uid = process.getuid?.() ?? 0;
let home: Home;
test.before.each(() => {
  home = makeHome();
});
test.after.each(() => home.remove());

function load(path = home.configPath) {
  return loadConfig({ path, env: home.env, home: home.dir, uid }).config;
}

test("flags alone write a private file that the daemon takes, and name the next command", async () => {
  const docs = join(home.dir, "docs");
  mkdirSync(docs);
  const flags = [
    "--workspace",
    "src",
    "--workspace",
    "papers=~/docs",
    "--profile",
    "full",
    "--listen",
    "127.0.0.1:9000",
  ];
  const { code, stdout, stderr } = await ctl(home, ["init", ...flags]);
  assert.is(code, 0, stderr);
  assert.match(stdout, /next:\n {2}ctmcpctl install\n {2}ctmcpctl connect\n$/);
  assert.is(statSync(home.configPath).mode & 0o777, 0o600);
  assert.equal(readdirSync(dirname(home.configPath)), ["coding-tools-mcp.yaml"]);
  const { workspaces, listen } = load();
  assert.equal(
    workspaces.map(({ id, path, profile }) => [id, path, profile]),
    [
      ["src", home.folder, "full"],
      ["papers", docs, "full"],
    ],
  );
  assert.equal(listen, { host: "127.0.0.1", port: 9000 });
  assert.is((await ctl(home, ["config", "check"])).code, 0);
});

test("every other flag reaches the file", async () => {
  const path = join(home.dir, "other.yaml");
  const flags = [
    "--workspace",
    "src",
    "--hostname",
    "mcp.example.com",
    "--auth",
    "oauth+bearer",
    "--config",
    path,
    "--json",
  ];
  const { code, stdout, stderr } = await ctl(home, ["init", ...flags]);
  assert.is(code, 0, stderr);
  const { password, ...rest } = JSON.parse(stdout);
  const next = ["install", "connect"].map((verb) => `ctmcpctl --config ${path} ${verb}`);
  assert.equal(rest, { schema: 1, path, next });
  assert.ok(password.length >= 12);
  assert.is(load(path).hostname, "mcp.example.com");
  assert.is(load(path).auth.mode, "oauth+bearer");
  assert.is(load(path).workspaces[0].profile, "read-only");
});

test("a file that is there is kept, unless --force says otherwise", async () => {
  mkdirSync(dirname(home.configPath));
  writeFileSync(home.configPath, "mine\n", { mode: 0o600 });
  const { code, stderr } = await ctl(home, ["init", "--workspace", "src"]);
  assert.is(code, 1);
  assert.match(stderr, /hint: .*--force/);
  assert.is(readFileSync(home.configPath, "utf8"), "mine\n");
  assert.is((await ctl(home, ["init", "--workspace", "src", "--force"])).code, 0);
  assert.is(load().workspaces[0].path, home.folder);
});

test("what the daemon would refuse is not written, and replaces nothing", async () => {
  const refused = [
    ["--workspace", "missing"],
    ["--workspace", "~"],
    ["--workspace", "src", "--hostname", "https://x.example.com/"],
    ["--workspace", "src", "--hostname", "x.example.com", "--auth", "none"],
  ];
  for (const flags of refused) {
    const { code, stderr } = await ctl(home, ["init", ...flags]);
    assert.is(code, 78, `${flags}: ${stderr}`);
    assert.equal(readdirSync(dirname(home.configPath)), []);
  }
  writeFileSync(home.configPath, "mine\n", { mode: 0o600 });
  assert.is((await ctl(home, ["init", "--workspace", "missing", "--force"])).code, 78);
  assert.is(readFileSync(home.configPath, "utf8"), "mine\n");
});

test("--print writes nothing; what it prints is a config", async () => {
  const { code, stdout } = await ctl(home, ["init", "--workspace", "src", "--print"]);
  assert.is(code, 0);
  assert.not(existsSync(home.configPath));
  const copy = join(home.dir, "copy.yaml");
  writeFileSync(copy, stdout, { mode: 0o600 });
  assert.is(load(copy).workspaces[0].path, home.folder);
});

test("without a folder and without a terminal there is nobody to ask", async () => {
  assert.is((await ctl(home, ["init"])).code, 2);
});

/** `ctmcpctl init` on a terminal, in the folder to serve. */
function onInit(args: readonly string[], answers: readonly TypedAnswer[]) {
  return onTerminal(home, ["init", ...args], { answers, cwd: home.folder });
}

test("on a terminal it asks four things; an empty answer takes what is offered", async () => {
  const docs = join(home.dir, "docs");
  mkdirSync(docs);
  const { code, shown } = await onInit(
    [],
    [
      { see: `Folder to serve [${home.folder}]: `, type: `${home.folder}, ~/docs\r` },
      { see: "How clients reach it [local]: ", type: "by pigeon\r" },
      { see: "How clients reach it [local]: ", type: "cloudflared\r" },
      { see: "Public host name: ", type: "\r" },
      { see: "Public host name: ", type: "mcp.example.com\r" },
      { see: "What clients may do [read-only]: ", type: "everything\r" },
      { see: "What clients may do [read-only]: ", type: "full\r" },
    ],
  );
  assert.is(code, 0, shown);
  assert.match(
    shown,
    /next:\r\n {2}ctmcpctl install\r\n {2}ctmcpctl tunnel setup cloudflared\r\n {2}ctmcpctl connect/,
  );
  const { workspaces, hostname, auth } = load();
  assert.equal(
    workspaces.map(({ path, profile }) => [path, profile]),
    [
      [home.folder, "full"],
      [docs, "full"],
    ],
  );
  assert.is(hostname, "mcp.example.com");
  assert.is(auth.mode, "oauth");
});

test("the password that is shown is the one that is kept, and a second init leaves it", async () => {
  const flags = ["init", "--workspace", "src", "--hostname", "mcp.example.com", "--auth", "oauth", "--json"];
  const first = JSON.parse((await ctl(home, flags)).stdout);
  const { stateDir } = load();
  const kept = await openPassword({ stateDir, uid, clock: systemClock, onDamaged: () => {} });
  assert.ok(await kept.verify(first.password));
  assert.not.ok(await kept.verify(`${first.password}x`), "control: another one is not");
  const again = JSON.parse((await ctl(home, [...flags, "--force"])).stdout);
  assert.is(again.password, undefined);
  const file = readFileSync(join(stateDir, "owner-password.json"), "utf8");
  assert.not.match(file, first.password);
});

test("for this machine only there is a token, and no password", async () => {
  const { code, shown } = await onInit(
    [],
    [
      { see: "Folder to serve", type: "\r" },
      { see: "How clients reach it", type: "\r" },
      { see: "What clients may do", type: "\r" },
    ],
  );
  assert.is(code, 0, shown);
  assert.is(load().auth.mode, "bearer");
  assert.is(load().hostname, undefined);
  assert.not.match(shown, "password to sign");
});

test("answers that would not work are asked for again", async () => {
  const { code, shown } = await onInit(
    [],
    [
      { see: "Folder to serve", type: "~/missing\r" },
      { see: "How clients reach it", type: "\r" },
      { see: "What clients may do", type: "\r" },
      { see: "Folder to serve", type: "~/src\r" },
      { see: "How clients reach it", type: "\r" },
      { see: "What clients may do", type: "\r" },
    ],
  );
  assert.is(code, 0, shown);
  assert.match(shown, /would not work: .*missing/);
  assert.is(load().workspaces[0].path, home.folder);
});

test("flags win over answers", async () => {
  const { code, shown } = await onInit(
    ["--profile", "full", "--listen", "127.0.0.1:9000"],
    [
      { see: "Folder to serve", type: "\r" },
      { see: "How clients reach it", type: "\r" },
      { see: "What clients may do", type: "\r" },
    ],
  );
  assert.is(code, 0, shown);
  assert.is(load().workspaces[0].profile, "full");
  assert.is(load().hostname, undefined);
  assert.is(load().listen.port, 9000);
});

for (const [name, key] of [
  ["Ctrl-C", "\u0003"],
  ["Ctrl-D", "\u0004"],
] as const) {
  test(`${name} ends the questions and writes nothing`, async () => {
    const { code, shown } = await onInit(
      [],
      [
        { see: "Folder to serve", type: "\r" },
        { see: "How clients reach it", type: "ngrok\r" },
        { see: "Public host name", type: key },
      ],
    );
    assert.is(code, 1, shown);
    assert.match(shown, /nothing was written/);
    assert.not(existsSync(home.configPath));
    assert.not(existsSync(join(home.dir, ".local")));
  });
}

test.run();
