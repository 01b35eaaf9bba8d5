import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LogLevel, LogLine } from "../../internal/log/line.js";
import { version } from "../../internal/version/version.js";
import { ctl, ended, type Home, makeHome, startCtl, withDaemon } from "./ctl.test.util.js";

let home: Home;
test.before.each(() => {
  home = makeHome();
});
test.after.each(() => home.remove());

function line(message: string, second = 5, level: LogLevel = "info"): LogLine {
  return { time: `2026-01-02T03:04:0${second}.000Z`, level, message, port: 1 };
}

const remembered = [line("a", 1), line("b", 2, "error"), line("c", 3, "debug"), line("d", 4, "warning")];

async function* fixed(): AsyncGenerator<LogLine> {
  yield* remembered;
}

test("the remembered lines, or those that are asked for", () =>
  withDaemon({ home, version, logs: fixed }, async () => {
    const first = (await ctl(home, ["logs"])).stdout.split("\n")[0];
    assert.is(first, "2026-01-02 03:04:01 info    a port=1");
    const cases: readonly (readonly [args: readonly string[], messages: string])[] = [
      [[], "abcd"],
      [["-n", "2"], "cd"],
      [["--level", "warning"], "bd"],
      [["--level", "warning", "-n", "1"], "d"],
      [["--since", "2026-01-02T03:04:03Z"], "cd"],
    ];
    for (const [args, messages] of cases) {
      const { stdout } = await ctl(home, ["logs", "--json", ...args]);
      const shown = stdout
        .trim()
        .split("\n")
        .map((text) => JSON.parse(text).message);
      assert.is(shown.join(""), messages, args.join(" "));
    }
    for (const args of [
      ["-n", "0"],
      ["-n", "x"],
      ["--level", "loud"],
      ["--since", "soon"],
    ]) {
      assert.is((await ctl(home, ["logs", ...args])).code, 2, args.join(" "));
    }
  }));

test("-f: each line once, also when the daemon is another one", async () => {
  const following = startCtl(home, ["logs", "-f"], { node: [] });
  assert.is((await ended(following)).code, 3);

  const of = (own: readonly LogLine[], later: LogLine) =>
    async function* ({ follow, signal }: { follow: boolean; signal: AbortSignal }) {
      yield* own;
      if (!follow) return;
      yield later;
      await once(signal, "abort");
    };
  const lines: string[] = [];
  let wake = (): void => {};
  const until = async (count: number): Promise<void> => {
    while (lines.length < count)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  let child: ReturnType<typeof startCtl> | undefined;
  let told = "";
  // Two records of one moment: neither is lost, neither comes twice.
  await withDaemon({ home, version, logs: of([line("a", 1), line("b", 1)], line("c", 1)) }, async () => {
    child = startCtl(home, ["logs", "-f", "--json"]);
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      lines.push(
        ...text
          .trim()
          .split("\n")
          .map((it) => JSON.parse(it).message),
      );
      wake();
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      told += text;
    });
    await until(3);
  });
  // However often it looks in vain, it says so once.
  const silent = createServer((socket) => socket.destroy()).listen(home.socketPath);
  for (let look = 0; look < 3; look++) await once(silent, "connection");
  silent.close();
  await once(silent, "close");
  await withDaemon({ home, version, logs: of([line("d", 2)], line("e", 2)) }, () => until(5));
  child?.kill();
  assert.equal(lines, ["a", "b", "c", "d", "e"]);
  assert.is(told, "the daemon ended; waiting for one\n");
});

test("without a daemon: what the service manager kept, without what drives a terminal", async () => {
  const unit = join(home.dir, ".config/systemd/user/coding-tools-mcp.service");
  const bin = join(home.dir, "bin");
  mkdirSync(bin);
  const journal = "#!/bin/sh\necho \"asked: $*\"\nprintf 'said \\033[2J last\\n'\n";
  writeFileSync(join(bin, "journalctl"), journal, { mode: 0o755 });
  const env = { PATH: `${bin}:${process.env.PATH}` };
  const none = await ctl(home, ["logs"], { env });
  assert.is(none.code, 3);
  mkdirSync(dirname(unit), { recursive: true });
  writeFileSync(unit, "");
  const { code, stdout, stderr } = await ctl(home, ["logs", "-n", "7"], { env });
  assert.is(code, 0);
  assert.match(stdout, /asked: --user .*--unit=coding-tools-mcp --lines=7\nsaid \\x1b\[2J last\n$/);
  assert.match(stderr, /no daemon is running.*the journal/);
  writeFileSync(join(bin, "journalctl"), "#!/bin/sh\nexit 1\n");
  assert.is((await ctl(home, ["logs"], { env })).code, 3);
});

test("a reader that has seen enough is no failure", () => {
  const endless = async function* () {
    for (;;) yield line("x".repeat(10_000));
  };
  return withDaemon({ home, version, logs: endless }, async () => {
    const child = startCtl(home, ["logs"]);
    const result = ended(child);
    await once(child.stdout ?? child, "data");
    child.stdout?.destroy();
    assert.equal({ ...(await result), stdout: "" }, { code: 0, stdout: "", stderr: "" });
  });
});

test.run();
