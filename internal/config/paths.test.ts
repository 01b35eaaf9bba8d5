import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { locateSocket } from "./locate.js";
import { configPath, defaultRuntimeDir, defaultStateDir, expandPath, socketPath } from "./paths.js";

const home = "/home/anna";

test("the config file: flag, then CTMCP_CONFIG, then the user's config directory", () => {
  const env = { CTMCP_CONFIG: "/etc/c.yaml", XDG_CONFIG_HOME: "/xdg" };
  assert.is(configPath({ flag: "here.yaml", env, home }), join(process.cwd(), "here.yaml"));
  assert.is(configPath({ env, home }), "/etc/c.yaml");
  assert.is(configPath({ env: { ...env, CTMCP_CONFIG: "" }, home }), "/xdg/coding-tools-mcp.yaml");
  assert.is(configPath({ env: {}, home }), "/home/anna/.config/coding-tools-mcp.yaml");
  assert.is(
    configPath({ env: { XDG_CONFIG_HOME: "rel" }, home }),
    "/home/anna/.config/coding-tools-mcp.yaml",
  );
});

test("state and runtime directories: systemd, then XDG, then the platform's own", () => {
  const systemd = { STATE_DIRECTORY: "/var/lib/a:/var/lib/b", RUNTIME_DIRECTORY: "/run/a:/run/b" };
  const xdg = { XDG_STATE_HOME: "/xdg/state", XDG_RUNTIME_DIR: "/run/user/1" };
  const rows: [env: NodeJS.ProcessEnv, platform: NodeJS.Platform, state: string, runtime: string][] = [
    [{ ...xdg, ...systemd }, "linux", "/var/lib/a", "/run/a"],
    [xdg, "linux", "/xdg/state/coding-tools-mcp", "/run/user/1/coding-tools-mcp"],
    [{}, "linux", `${home}/.local/state/coding-tools-mcp`, `${home}/.local/state/coding-tools-mcp`],
    [
      { XDG_STATE_HOME: "x", XDG_RUNTIME_DIR: "y" },
      "linux",
      `${home}/.local/state/coding-tools-mcp`,
      `${home}/.local/state/coding-tools-mcp`,
    ],
    [
      {},
      "darwin",
      `${home}/.local/state/coding-tools-mcp`,
      `${home}/Library/Application Support/coding-tools-mcp`,
    ],
  ];
  for (const [env, platform, state, runtime] of rows) {
    const context = { env, home, platform };
    assert.is(defaultStateDir(context), state);
    assert.is(defaultRuntimeDir(context, state), runtime);
  }
});

test("paths: home, relative, absolute", () => {
  const base = "/etc/app";
  for (const [path, expanded] of [
    ["~", home],
    ["~/a", `${home}/a`],
    ["a/../b", "/etc/app/b"],
    ["/a", "/a"],
    ["a~", "/etc/app/a~"],
  ] as const) {
    assert.is(expandPath(path, { home, base }), expanded);
  }
});

test("the admin socket is found whatever state the config file is in", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ctmcp-paths-"));
  const path = join(folder, "c.yaml");
  const env = { NAME: "named", XDG_RUNTIME_DIR: "/run/user/1" };
  const fallback = socketPath("/run/user/1/coding-tools-mcp");
  const rows: [text: string, socket: string][] = [
    ["version: 1\nruntime_dir: ./run\n", join(folder, "run/admin.sock")],
    ["{ version: 1, runtime_dir: /flow }", "/flow/admin.sock"],
    ["version: 1\n# runtime_dir: /comment\n", fallback],
    ["version: 9\nnonsense: true\nruntime_dir: ~/run\n", `${home}/run/admin.sock`],
    [`runtime_dir: /run/\${env:NAME}\n`, "/run/named/admin.sock"],
    ["state_dir: /state\n", fallback],
    ["runtime_dir: [1]\n", fallback],
    ["a: [\n", fallback],
    ["", fallback],
  ];
  try {
    for (const [text, socket] of rows) {
      writeFileSync(path, text);
      assert.is(await locateSocket({ path, env, home }), socket, text);
    }
    writeFileSync(path, "state_dir: /state\n");
    assert.is(await locateSocket({ path, env: {}, home, platform: "linux" }), "/state/admin.sock");
    assert.is(await locateSocket({ path: join(folder, "absent"), env, home }), fallback);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
