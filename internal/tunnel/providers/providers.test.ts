import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import type { TunnelConfig } from "../../config/config.js";
import { findProgram } from "../find-program.js";
import { TunnelRefusal } from "../refusal.js";
import type { LaunchContext, TunnelFault } from "../types.js";
import { cloudflaredArguments, cloudflaredSettings } from "./cloudflared.js";
import { providerOf, secretsOf } from "./index.js";
import { hostileEnv, hostname, makeLaunchPlace, port, samples } from "./launch.test.util.js";
import { ngrokArguments } from "./ngrok.js";
import { openaiArguments } from "./openai.js";
import { sshArguments } from "./ssh.js";

const place = makeLaunchPlace();
test.after(place.remove);
for (const name of ["ngrok", "cloudflared", "devtunnel", "tunnel-client"]) program(join(place.bin, name));

function program(file: string, mode = 0o755): string {
  writeFileSync(file, "#!/bin/sh\n");
  chmodSync(file, mode);
  return file;
}

async function refusalOf(
  config: TunnelConfig,
  changes: Partial<LaunchContext>,
): Promise<TunnelFault | undefined> {
  try {
    await providerOf(config).launch(place.context(config, changes));
    return undefined;
  } catch (error) {
    if (!(error instanceof TunnelRefusal)) throw error;
    return error.fault;
  }
}

const { ngrok, dashboard, local, quick, devtunnel, openai, openaiWithPass, ssh } = samples;

test("ngrok is told the domain, and its settings keep everything in that would leak or change it", async () => {
  const context = place.context(ngrok);
  const { argv } = await providerOf(ngrok).launch(context);
  const config = join(context.directory, "ngrok.yml");
  assert.equal(argv, [join(place.bin, "ngrok"), ...ngrokArguments({ hostname, port, config })]);
  assert.is(argv[argv.indexOf("--url") + 1], "https://mcp.example.com");
  assert.is(argv[argv.indexOf("--config") + 1], config);
  assert.is(statSync(config).mode & 0o777, 0o600);
  assert.equal(parse(readFileSync(config, "utf8")), {
    version: 3,
    agent: {
      web_addr: false,
      inspect_db_size: -1,
      remote_management: false,
      update_check: false,
      console_ui: false,
      log: "stdout",
      log_format: "json",
      log_level: "info",
    },
  });
});

test("cloudflared gets its flags where it looks for them", () => {
  const start = { config: "C", metrics: "M", protocol: "auto", origin: "http://127.0.0.1:8765" } as const;
  const common = "tunnel --no-autoupdate --config C --metrics M --grace-period 5s".split(" ");
  const cases = [
    [{ kind: "dashboard", tokenFile: "/t" }, start, ["run", "--token-file", "/t"]],
    [{ kind: "dashboard", tokenFile: undefined }, start, ["run"]],
    [
      { kind: "local", id: "9c0d", credentialsFile: "/c" },
      { ...start, protocol: "http2" },
      ["--protocol", "http2", "run", "9c0d"],
    ],
    [{ kind: "quick" }, start, ["--url", "http://127.0.0.1:8765"]],
  ] as const;
  for (const [mode, options, rest] of cases)
    assert.equal(cloudflaredArguments(mode, options), [...common, ...rest]);
});

test("the ingress of a local tunnel sends one name to us and everything else away", () => {
  const origin = "http://127.0.0.1:8765";
  const text = cloudflaredSettings(
    { kind: "local", id: "1e3", credentialsFile: "/a: #b" },
    { hostname, origin },
  );
  assert.equal(parse(text), {
    tunnel: "1e3",
    "credentials-file": "/a: #b",
    ingress: [{ hostname, service: origin }, { service: "http_status:404" }],
  });
  for (const mode of [{ kind: "quick" }, { kind: "dashboard", tokenFile: "/t" }] as const)
    assert.equal(parse(cloudflaredSettings(mode, { hostname, origin })), { "no-autoupdate": true });
});

test("a token that has a file stays there, one that has none is not written to one", async () => {
  const inFile = { ...dashboard, token: { file: "/secret/token", value: "canary-token" } };
  const withFile = await providerOf(inFile).launch(place.context(inFile));
  assert.is(withFile.argv.at(-1), "/secret/token");
  assert.is(withFile.env.TUNNEL_TOKEN, undefined);
  const context = place.context(dashboard);
  const without = await providerOf(dashboard).launch(context);
  assert.is(without.env.TUNNEL_TOKEN, "canary-token");
  assert.not.match(readFileSync(join(context.directory, "cloudflared.yml"), "utf8"), "canary");
});

test("tunnel-client is told the tunnel, the endpoint and where to write its own", () => {
  assert.equal(
    openaiArguments({ id: "T", origin: "http://127.0.0.1:1", header: "a-header", urlFile: "/u" }).slice(0, 6),
    [
      "run",
      "--control-plane.tunnel-id=T",
      "--mcp.server-url=http://127.0.0.1:1/mcp",
      "--mcp.extra-headers=a-header: env:CTMCP_TUNNEL_MARK",
      "--health.listen-addr=127.0.0.1:0",
      "--health.url-file=/u",
    ],
  );
});

test("tunnel-client marks its requests, or brings a token where they need no sign-in", async () => {
  for (const [config, header, value] of [
    [openai, "x-ctmcp-tunnel", /^[\w-]{22}$/],
    [openaiWithPass, "authorization", /^Bearer canary-pass-read-only$/],
  ] as const) {
    const { argv, env, mark = "" } = await providerOf(config).launch(place.context(config));
    assert.ok(argv.includes(`--mcp.extra-headers=${header}: env:CTMCP_TUNNEL_MARK`));
    assert.match(env.CTMCP_TUNNEL_MARK ?? "", value);
    assert.match(env.CTMCP_TUNNEL_MARK ?? "", mark);
  }
});

test("ssh listens where it is told, with the key and the known hosts it is told", () => {
  const args = sshArguments({ ...ssh, identityFile: "/home/me/50% key" }, port);
  assert.equal(args.slice(-6), ["-p", "2222", "-R", "[::1]:9000:127.0.0.1:8765", "--", "me@example.com"]);
  for (const option of [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ExitOnForwardFailure=yes",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=3",
    "ConnectTimeout=15",
    "ControlMaster=no",
    "ControlPath=none",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    'IdentityFile="/home/me/50%% key"',
    'UserKnownHostsFile="/home/me/known"',
    "GlobalKnownHostsFile=/dev/null",
  ])
    assert.ok(args.includes(option), option);
  const own = sshArguments({ ...ssh, identityFile: undefined, knownHostsFile: undefined }, port);
  assert.not.ok(own.some((word) => /^(?:Identit|UserKnown|GlobalKnown)/.test(word)));
});

test("no secret stands among the arguments, and the environment holds what was given and nothing else", async () => {
  const expected: Record<keyof typeof samples, Record<string, string>> = {
    ngrok: { NGROK_AUTHTOKEN: "canary-authtoken" },
    dashboard: { TUNNEL_TOKEN: "canary-token" },
    local: {},
    quick: {},
    devtunnel: { XDG_RUNTIME_DIR: hostileEnv.XDG_RUNTIME_DIR },
    openai: { CONTROL_PLANE_API_KEY: "canary-api-key" },
    openaiWithPass: { CONTROL_PLANE_API_KEY: "canary-api-key" },
    ssh: { SSH_AUTH_SOCK: hostileEnv.SSH_AUTH_SOCK },
  };
  for (const [name, config] of Object.entries(samples)) {
    const context = place.context(config);
    const { argv, env, mark } = await providerOf(config).launch(context);
    const value = name === "openaiWithPass" ? `Bearer ${mark}` : mark;
    const cloudflared = { TUNNEL_LOG_OUTPUT: "json", TUNNEL_MANAGEMENT_DIAGNOSTICS: "false" };
    assert.equal(
      env,
      {
        PATH: context.path,
        HOME: place.dir,
        ...expected[name as keyof typeof samples],
        ...(config.provider === "cloudflared" ? cloudflared : {}),
        ...(mark === undefined ? {} : { CTMCP_TUNNEL_MARK: value }),
      },
      name,
    );
    for (const secret of [...secretsOf(config), ...(mark === undefined ? [] : [mark])])
      assert.not.match(argv.join(" "), secret);
  }
});

test("a command gets the port, and its own variables over ours", async () => {
  const config = {
    provider: "command",
    argv: ["sh", "-c", "{port}:{port}", "{prot}"],
    env: { HOME: "/elsewhere", KEY: "canary-key", DEBUG: "1" },
    url: undefined,
    readyPattern: undefined,
    readyUrl: undefined,
    downPattern: undefined,
    blockedPatterns: [],
  } as const;
  const context = place.context(config);
  const { argv, env } = await providerOf(config).launch(context);
  assert.equal(argv.slice(1), ["-c", "8765:8765", "{prot}"]);
  assert.equal(env, { PATH: context.path, HOME: "/elsewhere", KEY: "canary-key", DEBUG: "1" });
  assert.equal(secretsOf(config), ["/elsewhere", "canary-key"]);
});

test("only a quick tunnel changes its URL, and only none runs nothing", async () => {
  const unstable = Object.entries(samples).filter(([, config]) => !providerOf(config).isStable);
  assert.equal(
    unstable.map(([name]) => name),
    ["quick"],
  );
  const none = { provider: "none" } as const;
  assert.is(providerOf(none).program, undefined);
  assert.equal(secretsOf(none), []);
});

test("what only a person can provide is refused with its own code", async () => {
  const nothing = join(place.dir, "nothing");
  for (const config of Object.values(samples))
    assert.is((await refusalOf(config, { path: nothing }))?.code, "PROGRAM_MISSING", config.provider);
  for (const config of [ngrok, local, ssh])
    assert.is((await refusalOf(config, { hostname: undefined }))?.code, "HOSTNAME_MISSING", config.provider);
  for (const config of [dashboard, quick, devtunnel, openai])
    assert.is(await refusalOf(config, { hostname: undefined }), undefined, config.provider);
  const noToken = { ...ngrok, authtoken: undefined };
  assert.is((await refusalOf(noToken, {}))?.code, "NGROK_AUTHTOKEN_MISSING");
});

test("a program is found by its name in absolute folders, or where it is said to be", async () => {
  const first = join(place.dir, "first");
  mkdirSync(join(first, "tool"), { recursive: true });
  const second = join(place.dir, "second");
  mkdirSync(second);
  const tool = program(join(second, "tool"));
  program(join(first, "data"), 0o644);
  symlinkSync(tool, join(first, "link"));
  const path = `${first}:${second}`;
  assert.is(await findProgram("tool", path), tool, "a folder of that name is passed over");
  assert.is(await findProgram("link", path), join(first, "link"));
  assert.is(await findProgram(tool, ""), tool);
  for (const [name, where] of [
    ["data", path],
    ["absent", path],
    ["second/tool", place.dir],
    [join(first, "data"), path],
    ["tool", ""],
  ] as const)
    assert.is(await findProgram(name, where), undefined, name);
  const isRefused = (file: string): boolean => file === join(first, "link");
  symlinkSync(tool, join(second, "link"));
  assert.is(await findProgram("link", path, isRefused), join(second, "link"), "the next one counts");
  assert.is(await findProgram(join(first, "link"), "", isRefused), join(first, "link"), "the owner's word");
  const before = process.cwd();
  process.chdir(place.dir);
  try {
    assert.is(await findProgram("tool", "second:"), undefined, "relative folders");
  } finally {
    process.chdir(before);
  }
});

test.run();
