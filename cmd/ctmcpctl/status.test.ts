import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { status } from "../../internal/admin/admin.test.util.js";
import { startTmux } from "../../test/support/tmux.js";
import { ctl, ended, type Home, mainPath, makeHome, startCtl, withDaemon } from "./ctl.test.util.js";

const version = "9.9.9";
let home: Home;
test.before.each(() => {
  home = makeHome();
});
test.after.each(() => home.remove());

const broken = {
  code: "TUNNEL_AUTH",
  severity: "error" as const,
  text: "the token is refused",
  fix: "ctmcpctl tunnel setup ngrok",
  since: "t",
};
const odd = { ...broken, code: "ODD", severity: "warning" as const, text: "odd" };

test("at a glance: what is wrong at the end, the worst first, each with its code and cure; details when asked for", () =>
  withDaemon({ home, version, status: () => ({ ...status, warnings: [odd, broken] }) }, async () => {
    const { stdout } = await ctl(home, ["status"]);
    assert.ok(
      stdout.endsWith(
        "error TUNNEL_AUTH: the token is refused\n  fix: ctmcpctl tunnel setup ngrok\nwarning ODD: odd\n  fix: ctmcpctl tunnel setup ngrok\n",
      ),
      stdout,
    );
    const lines = stdout.trimEnd().split("\n");
    assert.ok(lines.length <= 22 && lines.every((line) => line.length <= 80), stdout);
    assert.not.match(stdout, "catalogue");
    const { stdout: verbose } = await ctl(home, ["status", "--verbose"]);
    assert.match(verbose, "http://127.0.0.1:8765/mcp");
    assert.match(verbose, "held: hidden files (ENOENT)");
  }));

test("many clients and commands are counted, not listed", () => {
  const [command] = status.commands;
  const [client] = status.clients.recent;
  const many = {
    ...status,
    commands: Array.from({ length: 9 }, (_, i) => ({ ...command, id: `c${i}`, line: "x".repeat(300) })),
    clients: { active: 8, recent: Array.from({ length: 8 }, () => client) },
  } as typeof status;
  return withDaemon({ home, version, status: () => many }, async () => {
    const lines = (await ctl(home, ["status"])).stdout.trimEnd().split("\n");
    assert.is(lines.filter((line) => /and \d more/.test(line)).length, 2);
    assert.ok(lines.length <= 24 && lines.every((line) => line.length <= 80), lines.join("\n"));
  });
});

test("a daemon that does not tell clients and commands yet is shown without", () => {
  const { commands: _commands, ...older } = { ...status, clients: { active: 1 } };
  return withDaemon({ home, version, status: () => older as unknown as typeof status }, async () => {
    const { code, stdout } = await ctl(home, ["status"]);
    assert.is(code, 0);
    assert.match(stdout, /commands {4}none running/);
  });
});

test("--watch on a pipe: one block for each change, also when the daemon goes and comes back", async () => {
  let now = { ...status, uptime_s: 1 };
  const watching = startCtl(home, ["status", "--watch", "--json"]);
  const blocks: { state: string; generation?: number }[] = [];
  let wake = (): void => {};
  watching.stdout?.setEncoding("utf8").on("data", (text: string) => {
    blocks.push(
      ...text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    );
    wake();
  });
  const until = async (count: number): Promise<void> => {
    while (blocks.length < count)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  await until(1);
  const report = () => {
    now = { ...now, uptime_s: now.uptime_s + 1 };
    if (now.uptime_s === 4) now = { ...now, generation: 7 };
    return now;
  };
  await withDaemon({ home, version, status: report }, () => until(3));
  await until(4);
  watching.kill();
  await ended(watching);
  assert.equal(
    blocks.map(({ state, generation }) => [state, generation]),
    [
      ["unreachable", undefined],
      ["ready", 3],
      ["ready", 7],
      ["unreachable", undefined],
    ],
  );
});

test("--watch on a terminal: draws in place, waits for a daemon that is gone, and q gives the screen back", async () => {
  const bin = join(home.dir, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "ctmcpctl"), `#!/bin/sh\nexec '${process.execPath}' '${mainPath}' "$@"\n`);
  chmodSync(join(bin, "ctmcpctl"), 0o755);
  const tmux = await startTmux({
    dir: home.dir,
    columns: 80,
    rows: 24,
    env: { PATH: `${bin}:${process.env.PATH}` },
  });
  const screenUntil = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const screen = await tmux.screen();
      if (pattern.test(screen)) return screen;
    }
  };
  try {
    let generation = 3;
    await withDaemon({ home, version, status: () => ({ ...status, generation }) }, async () => {
      await tmux.type("ctmcpctl status --watch; echo code $?");
      const screen = await screenUntil(/generation 3/);
      assert.match(screen, /^coding-tools-mcp 9\.9\.9 is ready/);
      generation = 4;
      await screenUntil(/generation 4/);
    });
    assert.not.match(await screenUntil(/waiting for one/), "generation");
    await withDaemon({ home, version }, async () => {
      await screenUntil(/generation 3/);
      await tmux.press("q");
      assert.not.match(await screenUntil(/code 0/), "generation");
    });
  } finally {
    await tmux.close();
  }
});

test.run();
