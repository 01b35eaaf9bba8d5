import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { status, tunnel } from "../../../internal/admin/admin.test.util.js";
import type { Config } from "../../../internal/config/config.js";
import { loadConfig } from "../../../internal/config/load.js";
import { version } from "../../../internal/version/version.js";
import { ctl, type Home, makeHome, onTerminal, withDaemon } from "../ctl.test.util.js";
import { addProgram, cloudflaredScript, takeCalls, writeConfig } from "./vendor.test.util.js";

let home: Home;
test.before.each(() => {
  home = makeHome();
});
test.after.each(() => home.remove());

const host = "mcp.example.com";
const cloudflared = ["tunnel", "setup", "cloudflared", "--hostname", host, "--name", "mine"];
const ngrok = ["tunnel", "setup", "ngrok", "--hostname", host];

function load(): Config {
  return loadConfig({
    path: home.configPath,
    env: {},
    home: home.dir,
    uid: process.getuid?.() ?? 0,
  }).config;
}

function text(): string {
  return readFileSync(home.configPath, "utf8");
}

/** A token file that only its owner reads. */
function writeToken(name: string): string {
  const path = join(home.dir, name);
  writeFileSync(path, "s3cret\n", { mode: 0o600 });
  return path;
}

test("cloudflared: every step in order, then the config, whose comments and mode stay", async () => {
  const before = writeConfig(home);
  const env = addProgram(home, "cloudflared", cloudflaredScript);
  const { code, stdout, stderr } = await ctl(home, [...cloudflared, "--yes"], { env });
  assert.is(code, 0, stderr);
  const credentials = join(home.dir, ".cloudflared", "1-2-3.json");
  // Nothing of the environment: cloudflared would prefer it to its arguments.
  assert.equal(takeCalls(home), [
    "cloudflared tunnel --config /dev/null login",
    "cloudflared tunnel --config /dev/null list --output json --name mine",
    "cloudflared tunnel --config /dev/null create mine",
    "cloudflared tunnel --config /dev/null list --output json --name mine",
    `cloudflared tunnel --config /dev/null route dns 1-2-3 ${host}`,
  ]);
  const entry = `hostname: ${host}\ntunnel:\n  provider: cloudflared\n  id: 1-2-3\n  credentials_file: ${credentials}\n`;
  assert.is(text(), before.replace("of the format\n", `of the format\n${entry}`));
  assert.is(statSync(home.configPath).mode & 0o777, 0o640);
  assert.equal(readdirSync(dirname(home.configPath)), ["coding-tools-mcp.yaml"]);
  assert.is(load().hostname, host);
  assert.match(stdout, /^no daemon is running; next:\n {2}ctmcpd\n {2}ctmcpctl wait --for tunnel\n$/);
});

test("what is there is not made again; credentials of a tunnel made elsewhere are fetched", async () => {
  writeConfig(home);
  const env = addProgram(home, "cloudflared", cloudflaredScript);
  await ctl(home, [...cloudflared, "--yes"], { env });
  takeCalls(home);
  const before = text();
  const again = await ctl(home, [...cloudflared, "--yes", "--json"], { env });
  assert.equal(JSON.parse(again.stdout), {
    schema: 1,
    path: home.configPath,
    provider: "cloudflared",
    url: `https://${host}/mcp`,
    verified: false,
    next: ["ctmcpd", "ctmcpctl wait --for tunnel"],
  });
  assert.is(takeCalls(home).length, 2);
  assert.is(text(), before);
  const credentials = join(home.dir, ".cloudflared", "1-2-3.json");
  rmSync(credentials);
  assert.is((await ctl(home, [...cloudflared, "--yes"], { env })).code, 0);
  assert.is(
    takeCalls(home)[1],
    `cloudflared tunnel --config /dev/null token --cred-file ${credentials} 1-2-3`,
  );
});

test("a step that fails is named with what to do, and the config is as it was", async () => {
  const before = writeConfig(home);
  const env = addProgram(home, "cloudflared", cloudflaredScript);
  writeFileSync(join(home.dir, "offline"), "");
  const login = await ctl(home, [...cloudflared, "--yes"], { env });
  assert.is(login.code, 1);
  assert.match(login.stderr, /error: could not log in .*\nhint: /);
  rmSync(join(home.dir, "offline"));
  writeFileSync(join(home.dir, "taken"), "");
  const route = await ctl(home, [...cloudflared, "--yes"], { env });
  assert.is(route.code, 1);
  assert.match(route.stderr, "record already exists");
  assert.match(route.stderr, `--overwrite-dns 1-2-3 ${host}\n`);
  assert.is(text(), before);
});

test("nothing is run without the owner's word, or where the program is missing", async () => {
  const before = writeConfig(home);
  const none = await ctl(home, cloudflared, { env: { PATH: "/usr/bin:/bin" } });
  assert.is(none.code, 1);
  assert.match(
    none.stderr,
    /hint: install it as https:\/\/.*; then: ctmcpctl tunnel setup cloudflared --hostname mcp\.example\.com --name mine\n$/,
  );
  const env = addProgram(home, "cloudflared", cloudflaredScript);
  const silent = await ctl(home, cloudflared, { env });
  assert.is(silent.code, 2);
  assert.match(silent.stderr, /hint: .*--yes/);
  const unnamed = await ctl(home, ["tunnel", "setup", "cloudflared", "--yes"], { env });
  assert.is(unnamed.code, 2);
  assert.match(unnamed.stderr, "--hostname");
  assert.equal(takeCalls(home), []);
  assert.is(text(), before);
});

test("what stands against a tunnel in the config shows before anything is made", async () => {
  const env = addProgram(home, "cloudflared", cloudflaredScript);
  const run = async () => (await ctl(home, [...cloudflared, "--yes"], { env })).code;
  assert.is(await run(), 78);
  for (const more of ["auth:\n  mode: none\n", "nonsense: 1\n", "version: 1\n", ": [\n"]) {
    const before = writeConfig(home, more);
    assert.is(await run(), 78, more);
    assert.is(text(), before);
  }
  writeConfig(home);
  const odd = ["tunnel", "setup", "cloudflared", "--yes", "--hostname", "https://x/"];
  assert.is((await ctl(home, odd, { env })).code, 78);
  assert.equal(takeCalls(home), []);
});

test("on a terminal each command is shown and asked for; no ends it", async () => {
  const before = writeConfig(home);
  const env = addProgram(home, "cloudflared", cloudflaredScript);
  const { code, shown } = await onTerminal(home, ["tunnel", "setup", "cloudflared"], {
    env,
    answers: [
      { see: "Public host name: ", type: `${host}\r` },
      { see: "run it? [y/N] ", type: "y\r" },
      { see: "Name of the tunnel", type: "mine\r" },
      { see: "run it? [y/N] ", type: "\r" },
    ],
  });
  assert.is(code, 1, shown);
  assert.match(shown, /run it yourself: .*create mine; then: ctmcpctl tunnel setup cloudflared/);
  assert.is(text(), before);
});

test("Ctrl-C at a question ends it", async () => {
  const before = writeConfig(home);
  const { code, shown } = await onTerminal(home, ["tunnel", "setup", "cloudflared"], {
    env: addProgram(home, "cloudflared", cloudflaredScript),
    answers: [{ see: "Public host name: ", type: "\u0003" }],
  });
  assert.is(code, 1, shown);
  assert.match(shown, "the config is as it was");
  assert.is(text(), before);
});

test("a list that cannot be read, and one that cannot be had", async () => {
  writeConfig(home);
  for (const script of ["echo You have no tunnels", "echo no network >&2; exit 1"]) {
    const env = addProgram(home, "cloudflared", `case "$*" in *list*) ${script};; esac`);
    const { code, stderr } = await ctl(home, [...cloudflared, "--yes"], { env });
    assert.is(code, 1);
    assert.match(stderr, /error: .*(?:You have|no network)\n?.*\nhint: /);
  }
});

test("a tunnel made in the dashboard is taken by its token file", async () => {
  writeConfig(home);
  const env = addProgram(home, "cloudflared", cloudflaredScript);
  const token = writeToken("token");
  const args = ["tunnel", "setup", "cloudflared", "--hostname", host, "--token-file", "token"];
  const { code, stderr } = await ctl(home, args, { env });
  assert.is(code, 0, stderr);
  assert.match(stderr, `${host} lead to http://127.0.0.1:9000`);
  assert.equal(takeCalls(home), []);
  const { tunnel: entry } = load();
  assert.is(entry?.provider === "cloudflared" && entry.token?.file, token);
  // One that others can read is refused, and the config stays.
  const before = text();
  chmodSync(token, 0o644);
  assert.is((await ctl(home, args, { env })).code, 78);
  assert.is(text(), before);
});

test("ngrok: the token is asked for unseen and kept in a private file, which a later setup uses", async () => {
  writeConfig(home);
  const env = addProgram(home, "ngrok");
  const { code, shown } = await onTerminal(home, ngrok, {
    env,
    answers: [{ see: "(not shown): ", type: "2abc_S3CRET\r" }],
  });
  assert.is(code, 0, shown);
  assert.not.match(shown, "S3CRET");
  const file = join(dirname(home.configPath), "coding-tools-mcp.ngrok-token");
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.is(readFileSync(file, "utf8"), "2abc_S3CRET\n");
  assert.not.match(text(), "S3CRET");
  const { tunnel: entry } = load();
  assert.is(entry?.provider === "ngrok" && entry.authtoken?.value, "2abc_S3CRET");
  assert.is((await ctl(home, ngrok, { env })).code, 0);
});

test("ngrok: a config that cannot be written leaves no token behind", async () => {
  writeConfig(home);
  const { code, shown } = await onTerminal(home, ngrok, {
    env: addProgram(home, "ngrok"),
    answers: [
      { see: "(not shown): ", type: "2abc\r", first: () => writeConfig(home, "auth:\n  mode: none\n") },
    ],
  });
  assert.is(code, 78, shown);
  assert.equal(readdirSync(dirname(home.configPath)), ["coding-tools-mcp.yaml"]);
});

test("ngrok: without a terminal the token comes by file", async () => {
  writeConfig(home);
  const env = addProgram(home, "ngrok");
  const { code, stderr } = await ctl(home, ngrok, { env });
  assert.is(code, 2);
  assert.match(stderr, "--token-file");
  assert.is((await ctl(home, [...ngrok, "--token-file", writeToken("token")], { env })).code, 0);
});

test("devtunnel: what is missing is made, and a hostname that is not the service's goes", async () => {
  writeConfig(home, `hostname: ${host}\n`);
  const script = `
case "$1 $2" in
  "user show") [ -e "$HOME/in" ] || echo "Not logged in." ;;
  "user login") : > "$HOME/in" ;;
  "show mine"|"port show") [ -e "$HOME/made" ] ;;
  "create mine") : > "$HOME/made" ;;
  "access list") [ ! -e "$HOME/open" ] || echo "+Anonymous [connect]" ;;
  "access create") : > "$HOME/open" ;;
  *) [ "$1 $2 $3" = "port create mine" ] ;;
esac`;
  const env = addProgram(home, "devtunnel", script);
  const args = ["tunnel", "setup", "devtunnel", "--name", "mine", "--yes"];
  const first = await ctl(home, args, { env });
  assert.is(first.code, 0, first.stderr);
  assert.equal(
    takeCalls(home).filter((call) => !/ (?:show|list)/.test(call)),
    [
      "devtunnel user login --use-device-code-auth",
      "devtunnel create mine --expiration 30d",
      "devtunnel access create mine -a",
    ],
  );
  assert.is(load().hostname, undefined);
  assert.equal(load().tunnel, { provider: "devtunnel", program: undefined, id: "mine" });
  await ctl(home, args, { env });
  assert.is(takeCalls(home).filter((call) => !/ (?:show|list)/.test(call)).length, 0);
  const named = ["--hostname", "mine-9000.euw.devtunnels.ms"];
  assert.is((await ctl(home, [...args, ...named], { env })).code, 0);
  assert.is((await ctl(home, args, { env })).code, 0);
  assert.is(load().hostname, named[1]);
});

test("another provider's section goes with its comments; the same one's keeps them, and other keys go", async () => {
  const token = writeToken("token");
  const section = (provider: string) =>
    `tunnel: # how\n  # who\n  provider: ${provider} # it\n  token_file: ${token} # secret\n`;
  const env = addProgram(home, "ngrok");
  const other = writeToken("other");
  writeConfig(home, `hostname: old.example.com # the name\n${section("cloudflared")}`);
  const run = () => ctl(home, [...ngrok, "--token-file", other], { env });
  assert.is((await run()).code, 0);
  assert.match(
    text(),
    `hostname: ${host} # the name\ntunnel:\n  provider: ngrok\n  token_file: ${other}\n\n# At the end.\n`,
  );
  writeConfig(home, `${section("ngrok")}  program: /usr/bin/ngrok\n`);
  assert.is((await run()).code, 0);
  assert.match(text(), `  # who\n  provider: ngrok # it\n  token_file: ${other} # secret\n\n# At the end.\n`);
});

test("a config that is a link stays one", async () => {
  writeConfig(home);
  const real = join(home.dir, "dotfiles");
  renameSync(home.configPath, real);
  symlinkSync(real, home.configPath);
  const env = addProgram(home, "ngrok");
  assert.is((await ctl(home, [...ngrok, "--token-file", writeToken("token")], { env })).code, 0);
  assert.ok(lstatSync(home.configPath).isSymbolicLink());
  assert.match(readFileSync(real, "utf8"), "provider: ngrok");
});

test("a running daemon takes it up, and the setup ends when it is verified", async () => {
  writeConfig(home);
  const env = addProgram(home, "ngrok");
  const args = [...ngrok, "--token-file", writeToken("token")];
  const reload = async () => {
    // It is told once the config is there.
    assert.is(load().hostname, host);
    return { result: "applied" as const, generation: 4, changes: [], restart_needed: [] };
  };
  let asked = 0;
  const states = ["connecting", "connected", "verified"] as const;
  const report = () => ({ ...status, tunnel: { ...tunnel, state: states[asked++] ?? "verified" } });
  await withDaemon({ home, version, reload, status: report }, async () => {
    const { code, stdout, stderr } = await ctl(home, args, { env });
    assert.equal([code, stdout], [0, "verified: https://mcp.example.com/mcp\n"], stderr);
    assert.is(asked, 3);
  });
  const fault = { code: "X", class: "blocked", text: "the token is wrong", hint: "write another" } as const;
  const blocked = () => ({ ...status, tunnel: { ...tunnel, state: "blocked" as const, fault } });
  await withDaemon({ home, version, status: blocked }, async () => {
    const { code, stderr } = await ctl(home, args, { env });
    assert.is(code, 4);
    assert.match(stderr, /hint: write another\n$/);
    assert.ok(existsSync(home.configPath));
  });
});

test("a word that is no provider, a time that is none", async () => {
  writeConfig(home);
  mkdirSync(join(home.dir, "bin"));
  assert.is((await ctl(home, ["tunnel", "setup", "frp"])).code, 2);
  assert.is((await ctl(home, ["tunnel", "setup"])).code, 2);
  assert.is((await ctl(home, [...ngrok, "--timeout", "soon"])).code, 2);
});

test.run();
