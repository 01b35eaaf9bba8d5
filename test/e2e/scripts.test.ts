import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { installFake } from "../fakes/install.js";
import { mainOf, type Program, startProgram } from "../support/program.js";
import { startPublicEdge } from "../support/public-edge.js";
import { publicHost, publicOrigin } from "../support/reverse-proxy.js";
import { lastingPort } from "../support/sign-in.js";

const scripts = fileURLToPath(new URL("../../../scripts", import.meta.url));
/** The name that the fake of cloudflared is given at each start. */
const quickHost = "calm-lake-plain-stone.trycloudflare.com";

interface Machine {
  readonly home: string;
  readonly bin: string;
  readonly port: number;
  /** What tunnel.sh has for its own. */
  readonly own: string;
  /** Every command line that our programs and those of `program` got. */
  commandLines(): string;
  /** Puts a program on PATH that runs `script` in sh. */
  program(name: string, script: string): void;
  run(script: "tunnel.sh" | "install.sh", args: readonly string[], env?: Env): Program;
}

type Env = Readonly<Record<string, string>>;

/** Runs `test` with a home of its own, a folder "my app" in it, and our programs on PATH. */
async function withMachine(test: (machine: Machine) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "ctmcp-scripts-"));
  const programs: Program[] = [];
  try {
    const bin = join(home, "bin");
    const journal = join(home, "command-lines");
    mkdirSync(bin);
    mkdirSync(join(home, "my app"));
    writeFileSync(journal, "");
    const port = await lastingPort();
    const program: Machine["program"] = (name, script) => {
      writeFileSync(join(bin, name), `#!/bin/sh\necho "\${0##*/} $*" >>'${journal}'\n${script}\n`);
      chmodSync(join(bin, name), 0o755);
    };
    for (const name of ["ctmcpd", "ctmcpctl", "coding-tools-mcp"] as const)
      program(name, `exec '${process.execPath}' '${mainOf(name)}' "$@"`);
    await test({
      home,
      bin,
      port,
      own: join(home, ".local/state/coding-tools-mcp/tunnel-script"),
      commandLines: () => readFileSync(journal, "utf8"),
      program,
      run(script, args, env) {
        const path = [bin, dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter);
        const started = startProgram(join(scripts, script), {
          node: "sh",
          args,
          env: { PATH: path, HOME: home, CODING_TOOLS_MCP_PORT: String(port), ...env },
          cwd: home,
        });
        programs.push(started);
        return started;
      },
    });
  } finally {
    for (const program of programs) program.child.kill("SIGTERM");
    await Promise.all(programs.map((program) => program.exit));
    rmSync(home, { recursive: true, force: true });
  }
}

/** Runs `test` where `host` leads to the daemon of the machine, by TLS. */
async function withEdge(
  { home, port }: Machine,
  host: string,
  test: (env: Env) => Promise<void>,
): Promise<void> {
  const edge = await startPublicEdge(home, host, port);
  await test({ NODE_OPTIONS: edge.nodeOptions }).finally(edge.close);
}

/** Waits until the script has told all, and ends it. */
async function stopWhenUp(program: Program): Promise<string> {
  await program.until("stdout", /^see also/m);
  program.child.kill("SIGTERM");
  assert.equal(await program.exit, { code: 0, signal: null });
  return program.stdout();
}

test("tunnel.sh prints the URL once it is verified, and the token in its first run only", async () => {
  await withMachine(async (machine) => {
    const { bin, own, run, commandLines } = machine;
    installFake(bin, "cloudflared");
    await withEdge(machine, quickHost, async (env) => {
      const first = await stopWhenUp(run("tunnel.sh", ["cf", "my app"], env));
      assert.match(first, new RegExp(`^MCP endpoint {3}https://${quickHost}/mcp$`, "m"));
      const token = readFileSync(join(own, "state/bearer-token"), "utf8").trim();
      assert.is(first.split(token).length, 2, "the token stands there once");
      assert.not.match(await stopWhenUp(run("tunnel.sh", ["cf", "my app"], env)), token);
      assert.not.match(commandLines(), token);
    });
  });
});

test("tunnel.sh keeps the URL it is given; secrets come from outside and stay there", async () => {
  await withMachine(async (machine) => {
    const { bin, own, run, program, commandLines } = machine;
    const real = installFake(bin, "ngrok");
    const script = readFileSync(real, "utf8").replace("#!/bin/sh\n", "");
    program("ngrok", script);
    await withEdge(machine, publicHost, async (env) => {
      const secrets = {
        NGROK_AUTHTOKEN: "authtoken-canary",
        CODING_TOOLS_MCP_OAUTH_PASSWORD: "password-canary",
      };
      const running = run("tunnel.sh", ["ngrok", "my app"], {
        ...env,
        ...secrets,
        CODING_TOOLS_MCP_SERVER_URL: `${publicOrigin}/`,
        CODING_TOOLS_MCP_AUTH_MODE: "oauth",
        CODING_TOOLS_MCP_TOOL_PROFILE: "full",
      });
      const text = await stopWhenUp(running);
      assert.match(text, new RegExp(`^MCP endpoint {3}${publicOrigin}/mcp$`, "m"));
      const config = join(own, "config.yaml");
      assert.is(statSync(config).mode & 0o777, 0o600);
      const { hostname, workspaces, auth } = parse(readFileSync(config, "utf8"));
      assert.equal([hostname, workspaces[0].profile, auth.mode], [publicHost, "full", "oauth"]);
      assert.match(commandLines(), `--url ${publicOrigin}`);
      for (const told of [text, running.stderr(), readFileSync(config, "utf8"), commandLines()])
        assert.not.match(told, /-canary/);
    });
  });
});

test("tunnel.sh makes a password and shows it once", async () => {
  await withMachine(async (machine) => {
    const { bin, run } = machine;
    installFake(bin, "cloudflared");
    await withEdge(machine, quickHost, async (env) => {
      const oauth = { ...env, CODING_TOOLS_MCP_AUTH_MODE: "oauth" };
      const first = await stopWhenUp(run("tunnel.sh", ["cf", "my app"], oauth));
      const [, password = ""] = /^sign in with {3}([a-z]{5}(?:-[a-z]{5}){3})$/m.exec(first) ?? [];
      assert.is.not(password, "");
      assert.not.match(await stopWhenUp(run("tunnel.sh", ["cf", "my app"], oauth)), password);
    });
  });
});

test("tunnel.sh ends with 1, and leaves nothing running, when the provider refuses", async () => {
  await withMachine(async ({ bin, port, run }) => {
    installFake(bin, "cloudflared", "fault CLOUDFLARED_TOKEN_INVALID");
    const env = { CODING_TOOLS_MCP_SERVER_URL: publicOrigin, TUNNEL_TOKEN: "token-canary" };
    const refused = run("tunnel.sh", ["cf", "my app"], env);
    assert.is((await refused.exit).code, 1);
    assert.match(refused.stderr(), /^error: the tunnel \(cloudflared\) is blocked/m);
    assert.not.match(refused.stderr(), /-canary/);
    // Free again: whoever listened there is gone.
    await once(createServer().listen(port, "127.0.0.1").unref(), "listening");
  });
});

test("tunnel.sh ends as the daemon does when that cannot start", async () => {
  await withMachine(async ({ bin, port, run }) => {
    installFake(bin, "cloudflared");
    const other = createServer().listen(port, "127.0.0.1");
    await once(other, "listening");
    const program = run("tunnel.sh", [], { CODING_TOOLS_MCP_WORKSPACE: "my app" });
    const { code } = await program.exit;
    other.close();
    assert.is(code, 69);
    assert.match(program.stderr(), /already in use/);
  });
});

test("tunnel.sh hosts the dev tunnel it is told, for a folder with an odd name", async () => {
  await withMachine(async (machine) => {
    const { home, bin, own, port, run } = machine;
    installFake(bin, "devtunnel");
    const folder = join(home, '"odd" \\ # name');
    mkdirSync(folder);
    const id = `mine-${port}`;
    const host = `x1y2z3-${port}.euw.devtunnels.ms`;
    await withEdge(machine, host, async (env) => {
      const program = run("tunnel.sh", ["ms-devtunnel", folder], { ...env, CODING_TOOLS_MCP_TUNNEL_ID: id });
      assert.match(await stopWhenUp(program), `https://${host}/mcp`);
    });
    const { tunnel, workspaces } = parse(readFileSync(join(own, "config.yaml"), "utf8"));
    assert.equal([tunnel.provider, tunnel.id, workspaces[0].path], ["devtunnel", id, folder]);
  });
});

test("tunnel.sh makes a dev tunnel when it is told none, and keeps to it", async () => {
  await withMachine(async (machine) => {
    const { home, own, port, run, program, commandLines } = machine;
    const fake = installFake(home, "devtunnel");
    const made = join(home, "made");
    // Knows what was made; as a host it goes by the name that the fake of the service wants.
    program(
      "devtunnel",
      `case "$1 $2" in
        "user show" | "access list") ;;
        "port show") grep -q 'port create' '${made}' ;;
        show*) grep -q '^create' '${made}' ;;
        host*) exec '${fake}' host mine-${port} ;;
        *) echo "$*" >>'${made}' ;;
      esac`,
    );
    writeFileSync(made, "");
    await withEdge(machine, `x1y2z3-${port}.euw.devtunnels.ms`, async (env) => {
      for (let start = 0; start < 2; start++)
        await stopWhenUp(run("tunnel.sh", ["devtunnel", "my app"], env));
    });
    const id = readFileSync(join(own, "devtunnel-id"), "utf8").trim();
    assert.match(id, /^coding-tools-mcp-[0-9a-f]{8}$/);
    const lines = commandLines();
    assert.is(lines.split(`devtunnel create ${id} `).length, 2);
    assert.is(lines.split(`devtunnel port create ${id} -p ${port} `).length, 2);
    assert.is(lines.split(`devtunnel host ${id}\n`).length, 3);
  });
});

const refusals: readonly (readonly [what: string, args: readonly string[], Env, code: number])[] = [
  ["an unknown option", ["--fast"], {}, 1],
  ["an unknown provider", ["frp"], {}, 2],
  ["an unknown provider in its variable", [], { TUNNEL_PROVIDER: "frp" }, 2],
  ["a folder that is not there", ["cf", "nowhere"], {}, 1],
  ["one word too many", ["cf", ".", "x"], {}, 1],
  ["a public URL without a credential", ["cf", "my app"], { AUTH_MODE: "noauth" }, 2],
  ["an unknown way to sign in", ["cf", "my app"], { AUTH_MODE: "basic" }, 2],
  ["a public URL without TLS", ["cf", "my app"], { SERVER_URL: "http://mcp.example.com" }, 2],
  [
    "a public URL with a path",
    ["cf", "my app"],
    { SERVER_URL: "https://a.example/x", TUNNEL_TOKEN_FILE: "t" },
    78,
  ],
  ["an unknown profile", ["cf", "my app"], { TOOL_PROFILE: "compat-readonly-all" }, 78],
  ["ngrok without a domain", ["ngrok", "my app"], {}, 1],
  ["a named tunnel without its token", ["cf", "my app"], { SERVER_URL: publicOrigin }, 1],
];

test("tunnel.sh refuses what would not work, before it starts anything", async () => {
  await withMachine(async ({ bin, run, commandLines }) => {
    for (const name of ["cloudflared", "ngrok"] as const) installFake(bin, name);
    for (const [what, args, variables, code] of refusals) {
      const env = Object.fromEntries(
        Object.entries(variables).map(([name, value]) => [`CODING_TOOLS_MCP_${name}`, value]),
      );
      const program = run("tunnel.sh", args, env);
      assert.is((await program.exit).code, code, what);
      assert.match(program.stderr(), /^error: /m, what);
    }
    assert.not.match(commandLines(), /^ctmcpd /m);
  });
});

test("a provider's program is downloaded with its checksum, or not at all", async () => {
  await withMachine(async ({ home, bin, run, program, commandLines }) => {
    const bytes = "#!/bin/sh\nexit 1\n";
    const installed = join(home, ".local/bin/cloudflared");
    // The last argument but one is the file, the last one the address.
    program("curl", `while [ $# -gt 2 ]; do shift; done; printf '${bytes.replaceAll("\n", "\\n")}' >"$1"`);
    const auto = { CODING_TOOLS_MCP_AUTO_INSTALL_TUNNEL: "1" };
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

test("install.sh refuses what it does not know", async () => {
  await withMachine(async ({ run, program, commandLines }) => {
    program("npm", npm);
    const cases: readonly (readonly [readonly string[], number])[] = [
      [["--fast"], 1],
      [["--port"], 1],
      [["--method", "pip"], 1],
      [["--version", "0.3.0"], 1],
      [["--tunnel", "--provider", "frp"], 2],
    ];
    for (const [args, code] of cases)
      assert.is((await run("install.sh", args).exit).code, code, args.join(" "));
    assert.is(commandLines(), "");
  });
});

test.run();
