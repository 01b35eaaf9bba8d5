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

/** What a daemon says: `own` when it is asked, `later` to those who follow. */
function saying(own: readonly LogLine[], later: LogLine) {
  return async function* ({ follow, signal }: { follow: boolean; signal: AbortSignal }) {
    yield* own;
    if (!follow) return;
    yield later;
    await once(signal, "abort");
  };
}

interface Follower {
  readonly lines: readonly string[];
  told(): string;
  /** Waits until so many lines were shown. */
  until(count: number): Promise<void>;
  /** Waits until stderr ends with this. */
  untilTold(text: string): Promise<void>;
  end(): void;
}

/** A `ctmcpctl logs -f`; of documents their messages count as lines. */
function follow(args: readonly string[], env: NodeJS.ProcessEnv = {}): Follower {
  const child = startCtl(home, ["logs", "-f", ...args], { env });
  const lines: string[] = [];
  let told = "";
  let wake = (): void => {};
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    const texts = text.trim().split("\n");
    lines.push(...texts.map((it) => (it.startsWith("{") ? JSON.parse(it).message : it)));
    wake();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    told += text;
    wake();
  });
  const wait = async (isDone: () => boolean): Promise<void> => {
    while (!isDone())
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return {
    lines,
    told: () => told,
    until: (count) => wait(() => lines.length >= count),
    untilTold: (text) => wait(() => told.endsWith(text)),
    end: () => void child.kill(),
  };
}

test("-f: each line once, also when the daemon is another one", async () => {
  assert.is((await ended(startCtl(home, ["logs", "-f"]))).code, 3);

  let following: Follower | undefined;
  // Two records of one moment: neither is lost, neither comes twice.
  await withDaemon({ home, version, logs: saying([line("a", 1), line("b", 1)], line("c", 1)) }, async () => {
    following = follow(["--json"]);
    await following.until(3);
  });
  // However often it looks in vain, it says so once.
  const silent = createServer((socket) => socket.destroy()).listen(home.socketPath);
  for (let look = 0; look < 3; look++) await once(silent, "connection");
  silent.close();
  await once(silent, "close");
  await withDaemon({ home, version, logs: saying([line("d", 2)], line("e", 2)) }, async () =>
    following?.until(5),
  );
  following?.end();
  assert.equal(following?.lines, ["a", "b", "c", "d", "e"]);
  assert.is(following?.told(), "the daemon ended; waiting for one\n");
});

test("-f: nothing is lost when the clock stands earlier after a restart, and nothing comes twice", async () => {
  let following: Follower | undefined;
  // The clock went back while it ran, too.
  const first = [line("a", 9), line("b", 8), line("c", 7)];
  await withDaemon({ home, version, logs: saying(first, line("d", 6)) }, async () => {
    following = follow(["--json"]);
    await following.until(4);
  });
  await withDaemon({ home, version, logs: saying([line("e", 1), line("f", 2)], line("g", 3)) }, async () =>
    following?.until(7),
  );
  following?.end();
  assert.equal(following?.lines, ["a", "b", "c", "d", "e", "f", "g"]);
});

test("-f: a stream that ends early goes on where it was", async () => {
  const all = [line("a"), line("b"), line("c"), line("d")];
  let asked = 0;
  const logs = async function* () {
    // One line more each time.
    yield* all.slice(0, ++asked);
  };
  await withDaemon({ home, version, logs }, async () => {
    const following = follow(["--json"]);
    await following.until(4);
    following.end();
    assert.equal(following.lines, ["a", "b", "c", "d"]);
  });
});

test("-f: without a daemon it shows what was kept, and waits for one", async () => {
  const env = serviceThatSaid("last words");
  for (const args of [[], ["--json"]]) {
    const following = follow(args, env);
    await following.untilTold("waiting for one\n");
    await withDaemon({ home, version, logs: saying([line("a")], line("b")) }, () =>
      following.until(args.length === 0 ? 3 : 2),
    );
    following.end();
    const messages = following.lines.map((text) => text.replace(/.*info {4}(\w) .*/, "$1"));
    assert.equal(messages, args.length === 0 ? ["last words", "a", "b"] : ["a", "b"]);
  }
});

/** Installs a service, and a journalctl that prints `text`; returns the environment that finds it. */
function serviceThatSaid(text: string): NodeJS.ProcessEnv {
  const unit = join(home.dir, ".config/systemd/user/coding-tools-mcp.service");
  mkdirSync(dirname(unit), { recursive: true });
  writeFileSync(unit, "");
  const bin = join(home.dir, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "journalctl"), `#!/bin/sh\nprintf '${text}\\n' "$*"\n`, { mode: 0o755 });
  return { PATH: `${bin}:${process.env.PATH}` };
}

test("without a daemon: what the service manager kept, without what drives a terminal", async () => {
  const none = await ctl(home, ["logs"]);
  assert.is(none.code, 3);
  const env = serviceThatSaid("asked: %s\\nsaid \\033[2J last");
  const { code, stdout, stderr } = await ctl(home, ["logs", "-n", "7"], { env });
  assert.is(code, 0);
  assert.match(stdout, /asked: --user .*--unit=coding-tools-mcp --lines=7\nsaid \\x1b\[2J last\n$/);
  assert.match(stderr, /no daemon is running.*the journal/);
  writeFileSync(join(home.dir, "bin", "journalctl"), "#!/bin/sh\nexit 1\n");
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
