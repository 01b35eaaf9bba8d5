import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { status } from "../../internal/admin/admin.test.util.js";
import { Fault } from "../../internal/errs/errs.js";
import { version } from "../../internal/version/version.js";
import { ctl, ended, type Home, mainPath, makeHome, startCtl, withDaemon } from "./ctl.test.util.js";
import { verbs } from "./verbs.js";

let home: Home;
test.before.each(() => {
  home = makeHome();
});
test.after.each(() => home.remove());

function writeConfig(text: string): void {
  mkdirSync(dirname(home.configPath), { recursive: true });
  writeFileSync(home.configPath, text, { mode: 0o600 });
}
const goodConfig = (): string => `version: 1\nworkspaces:\n  - path: ${home.folder}\n`;

const pendingError = {
  message: "the file has 1 problem",
  problems: [{ file: "/c.yaml", line: 2, col: 5, message: "odd", hint: "mend it" }],
  since: "2026-01-02T04:00:00.000Z",
};

test("status shows what there is; as JSON it is the daemon's report", () =>
  withDaemon({ home, version }, async () => {
    const text = await ctl(home, ["status"]);
    assert.is(text.code, 0);
    assert.is(text.stderr, "");
    for (const part of [
      "9.9.9 is ready, up 3 h 12 min",
      "https://mcp.example.com/mcp",
      "claude-ai",
      "app  npm test  1 min 15 s",
      "documents  /home/ann/docs     read-only",
    ]) {
      assert.ok(text.stdout.includes(part), `${part} in\n${text.stdout}`);
    }
    const json = await ctl(home, ["status", "--json"]);
    assert.equal(JSON.parse(json.stdout), { schema: 1, ...status });
  }));

test("status tells a config that waits to be mended, with its place, and every warning with its cure", () => {
  const warnings = [
    { code: "X", severity: "error" as const, text: "it\u001b[2J broke", fix: "mend it", since: "t" },
  ];
  const config = { ...status.config, pending_error: pendingError };
  return withDaemon({ home, version, status: () => ({ ...status, config, warnings }) }, async () => {
    const { code, stdout } = await ctl(home, ["status"]);
    assert.is(code, 0);
    for (const part of ["/c.yaml:2:5: odd: mend it", "error X: it\\x1b[2J broke", "fix: mend it"]) {
      assert.ok(stdout.includes(part), `${part} in\n${stdout}`);
    }
    assert.not(stdout.includes("\u001b"));
  });
});

test("a config that waits to be mended is told once", () => {
  const { message } = pendingError;
  const warnings = [
    { code: "CONFIG_NOT_APPLIED", severity: "error" as const, text: message, fix: "mend it", since: "t" },
  ];
  const config = { ...status.config, pending_error: pendingError };
  return withDaemon({ home, version, status: () => ({ ...status, config, warnings }) }, async () => {
    for (const args of [["status"], ["status", "--check"]]) {
      assert.is((await ctl(home, args)).stdout.split(message).length, 2, args.join(" "));
    }
  });
});

test("status --check: 0 when well, 4 for each thing that is not", async () => {
  await withDaemon({ home }, async () => assert.is((await ctl(home, ["status", "--check"])).code, 0));
  const warning = { code: "X", text: "odd", fix: "", since: "t" };
  const cases = [
    { report: { ...status, state: "draining" as const }, code: 4 },
    { report: { ...status, config: { ...status.config, pending_error: pendingError } }, code: 4 },
    { report: { ...status, warnings: [{ ...warning, severity: "error" as const }] }, code: 4 },
    { report: { ...status, warnings: [{ ...warning, severity: "warning" as const }] }, code: 0 },
  ];
  for (const { report, code } of cases) {
    await withDaemon({ home, status: () => report }, async () => {
      const answer = await ctl(home, ["status", "--check"]);
      assert.is(answer.code, code);
      assert.is(answer.stdout.trim().split("\n").length, 1);
    });
  }
});

test("the exit code and the words for each way of having no daemon", async () => {
  const none = await ctl(home, ["status"]);
  assert.is(none.code, 3);
  assert.match(none.stderr, /^error: .*\nhint: .*ctmcpctl init\n$/);

  writeConfig(goodConfig());
  assert.match((await ctl(home, ["status"])).stderr, /hint: .*ctmcpd\n$/);
  assert.match(
    (await ctl(home, ["status", "--config", "other.yaml"])).stderr,
    /init --config .*other\.yaml\n$/,
  );

  const unit = join(home.dir, ".config/systemd/user/coding-tools-mcp.service");
  mkdirSync(dirname(unit), { recursive: true });
  writeFileSync(unit, "");
  assert.match(
    (await ctl(home, ["status"])).stderr,
    /hint: start it: systemctl --user start coding-tools-mcp; why it ended: ctmcpctl logs\n$/,
  );

  const stale = join(home.dir, "stale");
  const child = spawn(process.execPath, [
    "-e",
    `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`,
    stale,
  ]);
  await once(child, "close");
  const left = await ctl(home, ["status", "--socket", stale]);
  assert.is(left.code, 3);
  assert.not.equal(left.stderr, none.stderr);
});

test("where nothing is installed, and no systemd runs, there is nothing to uninstall", async () => {
  const env = { DBUS_SESSION_BUS_ADDRESS: "unix:path=/nowhere", XDG_RUNTIME_DIR: home.dir };
  const { code, stdout } = await ctl(home, ["uninstall"], { env });
  assert.is(code, 0);
  assert.is(stdout, `kept ${home.configPath}\n`);
  assert.is((await ctl(home, ["install"], { env })).code, 78);
  writeConfig(goodConfig());
  const install = await ctl(home, ["install"], { env });
  assert.is(install.code, 1);
  assert.match(install.stderr, /systemd cannot be reached: .*\nhint: /);
});

test("the socket of another user is a matter of permission", () =>
  withDaemon({ home }, async () => {
    // Root may open everything, so it becomes nobody; anybody else loses the right to enter the directory.
    const becomeNobody = `data:text/javascript,process.seteuid(65534)`;
    const blocked = join(home.dir, "blocked");
    mkdirSync(blocked, { mode: 0o000 });
    const asRoot = process.getuid?.() === 0;
    const { code, stderr } = asRoot
      ? await ctl(home, ["status"], { node: ["--import", becomeNobody] })
      : await ctl(home, ["status", "--socket", join(blocked, "admin.sock")]);
    assert.is(code, 77, stderr);
  }));

test("wait ends when the daemon is ready, also when it starts late", async () => {
  const waiting = ended(startCtl(home, ["wait", "--for", "ready", "--timeout", "30s"]));
  let asked = 0;
  const report = () => ({ ...status, state: ++asked > 1 ? ("ready" as const) : ("starting" as const) });
  await withDaemon({ home, status: report }, async () => {
    assert.is((await waiting).code, 0);
    assert.ok(asked > 1);
  });
});

test("wait gives up with what it saw last", async () => {
  assert.is((await ctl(home, ["wait", "--timeout", "1ms"])).code, 3);
  await withDaemon({ home, status: () => ({ ...status, state: "draining" }) }, async () => {
    assert.is((await ctl(home, ["wait", "--timeout", "0.01s"])).code, 4);
  });
  assert.is((await ctl(home, ["wait", "--timeout", "soon"])).code, 2);
});

test("reload sends what was asked and shows what came of it", async () => {
  const seen: unknown[] = [];
  const reload = async (options: object) => {
    seen.push(options);
    return {
      result: "applied" as const,
      generation: 4,
      changes: ["profile: full"],
      restart_needed: ["state_dir"],
    };
  };
  await withDaemon({ home, version, reload }, async () => {
    const { code, stdout } = await ctl(home, ["reload"]);
    assert.is(code, 0);
    assert.match(stdout, /generation 4.*profile: full.*state_dir/s);
    assert.is((await ctl(home, ["reload", "--dry-run", "--if-generation", "3", "--json"])).code, 0);
    assert.is((await ctl(home, ["reload", "--if-generation", "x"])).code, 2);
  });
  assert.equal(seen, [
    { dryRun: false, ifGeneration: undefined },
    { dryRun: true, ifGeneration: 3 },
  ]);
});

test("what the daemon refuses decides the exit code, and --json puts it on stdout too", async () => {
  const cases = [
    { code: "REFUSED", exit: 5 },
    { code: "CONFIG_INVALID", exit: 78 },
    { code: "ADDRESS_IN_USE", exit: 69 },
    { code: "SERVER_BUSY", exit: 5 },
  ] as const;
  for (const { code, exit } of cases) {
    const reload = async () => {
      throw new Fault(code, "not now", { hint: "later", details: { problems: pendingError.problems } });
    };
    await withDaemon({ home, version, reload }, async () => {
      const answer = await ctl(home, ["reload", "--json"]);
      assert.is(answer.code, exit);
      assert.is(JSON.parse(answer.stdout).error.hint, "later");
      assert.match(answer.stderr, /error: not now\nhint: later\n$/);
      assert.is(answer.stderr.includes("/c.yaml:2:5: odd: mend it"), code === "CONFIG_INVALID");
    });
  }
});

test("a bug in the daemon is a plain failure", () => {
  const workspaces = () => {
    throw new TypeError("x is not a function");
  };
  return withDaemon({ home, version, workspaces }, async () => {
    const { code, stderr } = await ctl(home, ["workspaces"]);
    assert.is(code, 1);
    assert.match(stderr, /hint: .*ctmcpctl logs\n$/);
  });
});

test("workspaces, clients, version", async () => {
  const client = {
    principal: "bearer",
    user_agent: "agent/1",
    name: null,
    version: null,
    era: "legacy" as const,
    protocol_version: "2025-06-18",
    first_seen: new Date().toISOString(),
    last_seen: new Date().toISOString(),
    last_method: "tools/call",
    last_tool: "read_file",
    requests: 3,
    tool_calls: 1,
    catalogue: null,
  };
  await withDaemon({ home, version, clients: () => ({ clients: [client] }) }, async () => {
    assert.is(
      (await ctl(home, ["workspaces"])).stdout,
      "ID         PATH               PROFILE\napp        /home/ann/src/app  full\ndocuments  /home/ann/docs     read-only\n",
    );
    assert.match(
      (await ctl(home, ["clients"])).stdout,
      /^- +agent\/1 +bearer +2025-06-18 legacy +\d+ s ago +read_file +1\n/m,
    );
    assert.equal(JSON.parse((await ctl(home, ["clients", "--json"])).stdout).clients, [client]);
    assert.equal(JSON.parse((await ctl(home, ["version", "--json"])).stdout), {
      schema: 1,
      ctl: version,
      daemon: "9.9.9",
    });
  });
  assert.equal(JSON.parse((await ctl(home, ["version", "--json"])).stdout).daemon, null);
});

test("a daemon of another version is remarked on once, on stderr", () =>
  withDaemon({ home, version: "0.0.1" }, async () => {
    const { stdout, stderr } = await ctl(home, ["status", "--json"]);
    assert.is(JSON.parse(stdout).schema, 1);
    assert.match(stderr, /^note: .*0\.0\.1.*\n$/);
  }));

test("config check finds every mistake at its place, without a daemon", async () => {
  writeConfig("version: 1\nprofil: full\nworkspaces: []\n");
  const bad = await ctl(home, ["config", "check"]);
  assert.is(bad.code, 78);
  assert.ok(bad.stderr.includes(`${home.configPath}:2:1: `));
  assert.ok(bad.stderr.includes(`${home.configPath}:3:`));
  const json = await ctl(home, ["config", "check", "--json"]);
  assert.is(json.code, 78);
  assert.is(JSON.parse(json.stdout).error.details.problems.length, 2);

  writeFileSync(join(home.dir, "good.yaml"), goodConfig(), { mode: 0o600 });
  assert.is((await ctl(home, ["config", "check", "good.yaml"])).code, 0);
  assert.is((await ctl(home, ["config", "check", "missing.yaml"])).code, 78);
  assert.is(JSON.parse((await ctl(home, ["config", "check", "good.yaml", "--json"])).stdout).ok, true);
});

test("config show and path", async () => {
  writeConfig(goodConfig());
  const shown = await ctl(home, ["config", "show", "--sources", "--json"]);
  assert.is(shown.code, 0, shown.stderr);
  const { config, sources } = JSON.parse(shown.stdout);
  assert.is(config.listen, "127.0.0.1:8765");
  assert.is(sources["workspaces[0].path"], `${home.configPath}:3`);
  assert.is(JSON.parse((await ctl(home, ["config", "show", "--json"])).stdout).sources, undefined);
  assert.match((await ctl(home, ["config", "show"])).stdout, /^listen: 127\.0\.0\.1:8765$/m);
  await withDaemon({ home, version }, async () => {
    assert.is((await ctl(home, ["config", "show", "--running"])).stdout, "version: 1\n");
  });
  assert.is((await ctl(home, ["config", "path"])).stdout, `${home.configPath}\n`);
  const env = { CTMCP_CONFIG: "/x.yaml" };
  assert.is((await ctl(home, ["config", "path"], { env })).stdout, "/x.yaml\n");
  assert.is((await ctl(home, ["--config", "/y.yaml", "config", "path"], { env })).stdout, "/y.yaml\n");
});

test("a wrong command line is exit 2, with the nearest right word", async () => {
  const cases = [
    { args: [], hint: /help/ },
    { args: ["statsu"], hint: /did you mean status\?/ },
    { args: ["config"], hint: /check, show, path/ },
    { args: ["config", "shwo"], hint: /did you mean show\?/ },
    { args: ["status", "--jsno"], hint: /did you mean --json\?/ },
    { args: ["status", "--json=yes"], hint: /help/ },
    { args: ["status", "--config"], hint: /help/ },
    { args: ["status", "--follow"], hint: /help status/ },
    { args: ["status", "now"], hint: /help/ },
    { args: ["clients", "sohw"], hint: /did you mean show\?/ },
    { args: ["clients", "set-profile", "a1"], hint: /read-only, full/ },
    { args: ["auth"], hint: /unlock/ },
    { args: ["rotate-secret", "baerer"], hint: /did you mean bearer\?/ },
    { args: ["init", "--profile", "ful"], hint: /did you mean full\?/ },
    { args: ["wait", "--for", "godot"], hint: /ready/ },
  ];
  for (const { args, hint } of cases) {
    const { code, stdout, stderr } = await ctl(home, args);
    assert.is(code, 2, `${args}: ${stderr}`);
    assert.match(stderr, /^error: .+\nhint: .+\n$/);
    assert.match(stderr.split("\nhint: ")[1] ?? "", hint);
    assert.is(stdout, "");
  }
});

test("help names every command, every exit code and every flag of a command", async () => {
  const { code, stdout } = await ctl(home, ["help"]);
  assert.is(code, 0);
  for (const { name } of verbs) assert.ok(stdout.includes(`  ${name}`), name);
  for (const exit of [0, 1, 2, 3, 4, 5, 69, 77, 78]) assert.match(stdout, new RegExp(`^ +${exit} +\\w`, "m"));
  assert.is((await ctl(home, ["--help"])).code, 0);
  const init = (await ctl(home, ["help", "init"])).stdout;
  assert.is((await ctl(home, ["init", "--help"])).stdout, init);
  assert.match(init, /--profile read-only\|full/);
  assert.match((await ctl(home, ["help", "config", "check"])).stdout, /FILE/);
});

test("colour only on a terminal, and not when NO_COLOR is set", () =>
  withDaemon({ home, version }, async () => {
    const onTerminal = (env: NodeJS.ProcessEnv) =>
      ended(
        spawn("script", ["-qec", `${process.execPath} ${mainPath} status`, "/dev/null"], {
          env: { ...home.env, TERM: "xterm", ...env },
          stdio: ["ignore", "pipe", "pipe"],
        }),
      );
    assert.ok((await onTerminal({})).stdout.includes("\u001b[32mready"));
    assert.not((await onTerminal({ NO_COLOR: "1" })).stdout.includes("\u001b"));
    assert.not((await ctl(home, ["status"])).stdout.includes("\u001b"));
  }));

test.run();
