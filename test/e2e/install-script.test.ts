import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { installFake } from "../fakes/install.js";
import { type Program, startProgram } from "../support/program.js";
import {
  type Env,
  prefixed,
  quickHost,
  scripts,
  stopWhenUp,
  withEdge,
  withMachine,
} from "../support/script-machine.js";

test("a provider's program is downloaded with its checksum, or not at all", async () => {
  await withMachine(async ({ home, bin, run, program, commandLines }) => {
    const bytes = "#!/bin/sh\nexit 1\n";
    const installed = join(home, ".local/bin/cloudflared");
    // The last argument but one is the file, the last one the address.
    program("curl", `while [ $# -gt 2 ]; do shift; done; printf '${bytes.replaceAll("\n", "\\n")}' >"$1"`);
    const auto = { CODING_TOOLS_MCP_AUTO_INSTALL_TUNNEL: "TRUE" };
    const url = { CODING_TOOLS_MCP_TUNNEL_PROGRAM_URL: "https://example.com/cloudflared" };
    const sum = (text: string): Env => ({
      CODING_TOOLS_MCP_TUNNEL_PROGRAM_SHA256: createHash("sha256").update(text).digest("hex"),
    });
    const refused: readonly (readonly [Env, RegExp])[] = [
      [{}, /cloudflared is not installed/],
      [auto, /nothing is downloaded without a checksum\nhint: .*cloudflare/],
      [{ ...auto, ...url }, /SHA256 is not set/],
      [{ ...auto, ...url, ...sum("other") }, /is not what its checksum says/],
    ];
    for (const [env, message] of refused) {
      const program = run("tunnel.sh", ["cf", "my app"], env);
      assert.is((await program.exit).code, 1);
      assert.match(program.stderr(), message);
      assert.not(existsSync(installed));
    }
    assert.is(commandLines().match(/^curl /gm)?.length, 1);
    // Ends after it, because of something else.
    const wrong = { CODING_TOOLS_MCP_TOOL_PROFILE: "none" };
    await run("tunnel.sh", ["cf", "my app"], { ...auto, ...url, ...sum(bytes), ...wrong }).exit;
    assert.is(readFileSync(installed, "utf8"), bytes);
    assert.is(statSync(installed).mode & 0o777, 0o755);
    assert.not(existsSync(join(bin, "cloudflared")));
  });
});

test("of an archive the program is taken, and nothing where it holds none", async () => {
  await withMachine(async ({ home, run, program }) => {
    const local = join(home, ".local/bin");
    const archive = join(home, "archive.tgz");
    program("curl", `while [ $# -gt 2 ]; do shift; done; cp '${archive}' "$1"`);
    writeFileSync(join(home, "cloudflared"), "#!/bin/sh\nexit 1\n");
    const download = (member: string): Program => {
      execFileSync("tar", ["-czf", archive, "-C", home, member]);
      const sum = createHash("sha256").update(readFileSync(archive)).digest("hex");
      return run(
        "tunnel.sh",
        ["cf", "my app"],
        prefixed({
          AUTO_INSTALL_TUNNEL: "1",
          TUNNEL_PROGRAM_URL: "https://example.com/cloudflared.tgz",
          TUNNEL_PROGRAM_SHA256: sum,
          TOOL_PROFILE: "none",
        }),
      );
    };
    const without = download("./cloudflared");
    assert.is((await without.exit).code, 1);
    assert.match(without.stderr(), /^error: .*cloudflared\.tgz holds no file of the name cloudflared$/m);
    assert.equal(readdirSync(local), []);
    // Ends after it, because of the profile.
    assert.is((await download("cloudflared").exit).code, 78);
    assert.equal(readdirSync(local), ["cloudflared"]);
    assert.is(readFileSync(join(local, "cloudflared"), "utf8"), "#!/bin/sh\nexit 1\n");
  });
});

/** As npm does, as far as the script can tell: packs, and installs the three programs. */
const npm = `case $1 in
  pack) : >"$4/coding-tools-mcp-1.0.0.tgz" ;;
  install) for name in ctmcpd ctmcpctl coding-tools-mcp; do mkdir -p "$4/bin" && cp "$HOME/bin/$name" "$4/bin/$name"; done ;;
esac`;

test("install.sh --service makes nothing up where nobody can be asked, and names what is left to do", async () => {
  await withMachine(async ({ home, run, program, commandLines }) => {
    program("npm", npm);
    program("make", ":");
    const install = run("install.sh", ["--service"]);
    assert.equal(await install.exit, { code: 0, signal: null }, install.stderr());
    assert.match(install.stdout(), "next: ctmcpctl init --workspace PATH; then: ctmcpctl install\n");
    assert.not(existsSync(join(home, ".config")));
    const completion = readFileSync(join(home, ".local/share/bash-completion/completions/ctmcpctl"), "utf8");
    assert.match(completion, "complete -o default");
    const uninstall = run("install.sh", ["--uninstall"]);
    await uninstall.exit;
    assert.match(commandLines(), /^ctmcpctl uninstall ?$/m);
  });
});

for (const [what, isThere, expected] of [
  ["a first run ends with a client", false, ["config path", "init", "install", "connect"]],
  ["an upgrade does not wait for one", true, ["config path", "install"]],
] as const) {
  test(`install.sh --service on a terminal: ${what}`, async () => {
    await withMachine(async ({ home, bin, program, commandLines }) => {
      const config = join(home, "config.yaml");
      program("npm", npm);
      program("make", ":");
      program("ctmcpctl", `case $1 in config) echo '${config}' ;; init) touch '${config}' ;; esac`);
      if (isThere) writeFileSync(config, "");
      const install = startProgram("-qec", {
        node: "script",
        args: [`sh '${join(scripts, "install.sh")}' --service --no-verify`, "/dev/null"],
        env: { PATH: [bin, dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter), HOME: home },
        cwd: home,
      });
      assert.equal(await install.exit, { code: 0, signal: null }, install.stdout());
      const asked = [...commandLines().matchAll(/^ctmcpctl (?!completion)(.*)$/gm)].map(([, words]) => words);
      assert.equal(asked, expected);
    });
  });
}

for (const [what, shell, zshrc, isTold] of [
  ["zsh", "/usr/bin/zsh", "", true],
  [
    "a zsh that knows the folder",
    "/usr/bin/zsh",
    "fpath=(~/.local/share/zsh/site-functions $fpath)\n",
    false,
  ],
  ["another shell", "/bin/bash", "", false],
] as const) {
  test(`install.sh tells the users of ${what} ${isTold ? "how its completions are found" : "nothing"}`, async () => {
    await withMachine(async ({ home, run, program }) => {
      program("npm", npm);
      program("make", ":");
      writeFileSync(join(home, ".zshrc"), zshrc);
      const install = run("install.sh", [], { SHELL: shell });
      assert.equal(await install.exit, { code: 0, signal: null }, install.stderr());
      const line = `fpath=(${join(home, ".local/share/zsh/site-functions")} $fpath)`;
      assert.is(install.stdout().includes(line), isTold, install.stdout());
    });
  });
}

test("install.sh installs, and serves or opens a tunnel when asked", async () => {
  await withMachine(async (machine) => {
    const { home, bin, run, program, commandLines } = machine;
    program("npm", npm);
    program("make", ":");
    installFake(bin, "cloudflared");
    const only = run("install.sh", ["--with-image", "--method", "auto"]);
    assert.equal(await only.exit, { code: 0, signal: null }, only.stderr());
    assert.ok(existsSync(join(home, ".local/bin/ctmcpd")));
    assert.match(commandLines(), /^npm install --global --prefix .*\/\.local .*\.tgz$/m);
    assert.not.match(commandLines(), /^ctmcpd --config/m);

    const local = run("install.sh", ["--start", "--auth-mode", "bearer", "--workspace", "my app"]);
    const [, token = ""] = await local.until("stdout", /Bearer ([0-9a-f]{64})$/m);
    const [, url = ""] = await local.until("stderr", /listening on (\S+) \(bearer auth enabled\)/);
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    assert.is(answer.status, 405);
    assert.not.match(commandLines(), token);
    local.child.kill("SIGTERM");
    await local.exit;

    await withEdge(machine, quickHost, async (env) => {
      const text = await stopWhenUp(run("install.sh", ["--tunnel", "cf", "my app"], env));
      assert.match(text, `https://${quickHost}/mcp`);
    });
  });
});

/** The flags of the earlier script, each with what the server or the tunnel is then told; no flag is refused. */
const flags: readonly (readonly [args: readonly string[], told: RegExp])[] = [
  [["--install-only"], /^$/],
  [["--start"], /^coding-tools-mcp: MODE=noauth PORT=8765 /m],
  [["--start", "--port", "9"], / PORT=9 /],
  [["--start", "--auth-mode", "oauth"], / MODE=oauth /],
  [["--start", "--auth-token", "t"], / MODE=bearer .* TOKEN=t /],
  [["--start", "--workspace", "a"], / WORKSPACE=a /],
  [["--start", "b"], / WORKSPACE=b /],
  [["--start", "--profile", "read-only"], / PROFILE=read-only /],
  [["--start", "--with-image", "--no-verify", "--method", "auto"], / MODE=noauth /],
  [["--tunnel"], /^tunnel: PROVIDER= /],
  [["--tunnel", "ngrok"], /^tunnel: PROVIDER=ngrok /],
  [["--tunnel", "--provider", "ms-devtunnel"], /^tunnel: PROVIDER=ms-devtunnel /],
  [["--tunnel", "--auto-install-tunnel"], / AUTO=1 /],
];

test("install.sh takes every flag of the earlier script, and the methods of before with a warning", async () => {
  await withMachine(async ({ home, run, program }) => {
    const told =
      'MODE=$CODING_TOOLS_MCP_AUTH_MODE PORT=$CODING_TOOLS_MCP_PORT TOKEN=$CODING_TOOLS_MCP_AUTH_TOKEN WORKSPACE=$CODING_TOOLS_MCP_WORKSPACE PROFILE=$CODING_TOOLS_MCP_TOOL_PROFILE "';
    program("coding-tools-mcp", `echo "coding-tools-mcp: ${told}`);
    // A checkout of its own, so that what stands for the tunnel's script is started in its place.
    const checkout = join(home, "checkout");
    mkdirSync(join(checkout, "scripts"), { recursive: true });
    cpSync(join(scripts, "install.sh"), join(checkout, "scripts/install.sh"));
    writeFileSync(
      join(checkout, "scripts/tunnel.sh"),
      'echo "tunnel: PROVIDER=$CODING_TOOLS_MCP_TUNNEL_PROVIDER AUTO=$CODING_TOOLS_MCP_AUTO_INSTALL_TUNNEL "\n',
    );
    const server = ["--server-bin", join(home, "bin/coding-tools-mcp")];
    const install = (args: readonly string[], env: Env = {}): Program =>
      run(join(checkout, "scripts/install.sh"), [...server, ...args], { CODING_TOOLS_MCP_PORT: "", ...env });
    for (const [args, wanted] of flags) {
      const it = install(args);
      assert.is((await it.exit).code, 0, args.join(" "));
      assert.match(it.stdout().replace(/^next: ctmcpctl init\n$/, ""), wanted, args.join(" "));
    }
    for (const method of ["uv", "pip", "PIP"]) {
      for (const it of [install(["--method", method]), install([], prefixed({ INSTALL_METHOD: method }))]) {
        assert.is((await it.exit).code, 0, method);
        assert.match(it.stderr(), `warning: this is no Python package any more`);
      }
    }
    const oauth = install(["--start"], prefixed({ OAUTH_MODE: "On" }));
    await oauth.exit;
    assert.match(oauth.stdout(), " MODE=oauth ");
  });
});

test("install.sh refuses what it does not know", async () => {
  await withMachine(async ({ run, program, commandLines }) => {
    program("npm", npm);
    const cases: readonly (readonly [readonly string[], number])[] = [
      [["--fast"], 1],
      [["--port"], 1],
      [["--method", "conda"], 1],
      [["--version", "0.3.0"], 1],
      [["--tunnel", "--provider", "frp"], 2],
    ];
    for (const [args, code] of cases)
      assert.is((await run("install.sh", args).exit).code, code, args.join(" "));
    assert.is(commandLines(), "");
  });
});

test.run();
