import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createLaunchd } from "./launchd.js";
import type { InstallOptions, ServiceManager } from "./manager.js";

const home = mkdtempSync(join(tmpdir(), "launchd-"));
test.after(() => rmSync(home, { recursive: true }));
const file = join(home, "Library", "LaunchAgents", "coding-tools-mcp.plist");
const options: InstallOptions = {
  description: {
    node: "/usr/bin/node",
    program: "/ctmcpd.cjs",
    configPath: "/config.yaml",
    environment: { PATH: "/bin" },
    scope: { kind: "user" },
  },
  readOnly: undefined,
  holdPort: undefined,
  stateDir: "/state",
  listen: { host: "127.0.0.1", port: 8765 },
  start: true,
  beforeStart: async () => {},
};

interface Launchctl {
  readonly launchd: ServiceManager;
  /** What it was asked, without the questions whether the job is loaded. */
  orders(): readonly string[];
  /** Milliseconds that were waited. */
  waited(): number;
}

/**
 * A launchctl that knows which jobs are loaded. As the real one may, `bootout` returns while the job still ends, which takes
 * `endingMs`; until then the job is there, and `bootstrap` fails with 37.
 */
function makeLaunchctl({ endingMs, bootoutCode = 0 }: { endingMs: number; bootoutCode?: number }): Launchctl {
  const calls: string[] = [];
  let now = 0;
  let state: "none" | "loaded" | "ending" = "none";
  let endsAt = 0;
  const answer = (code: number, stderr = ""): { code: number; stdout: string; stderr: string } => ({
    code,
    stdout: "",
    stderr,
  });
  const launchd = createLaunchd({
    scope: "user",
    home,
    uid: 501,
    pause: async (ms) => {
      now += ms;
    },
    async run(_file, args) {
      calls.push(args.join(" "));
      if (state === "ending" && now >= endsAt) state = "none";
      const [verb] = args;
      if (verb === "print") return answer(state === "none" ? 113 : 0);
      if (verb === "bootout") {
        if (state === "none") return answer(3, "No such process");
        [state, endsAt] = ["ending", now + endingMs];
        return answer(bootoutCode, bootoutCode === 0 ? "" : "Operation now in progress");
      }
      if (state === "loaded") return answer(5, "Bootstrap failed: 5: Input/output error");
      if (state === "ending") return answer(37, "Bootstrap failed: 37: Operation already in progress");
      state = "loaded";
      return answer(0);
    },
  });
  return { launchd, orders: () => calls.filter((call) => !call.startsWith("print")), waited: () => now };
}

for (const [what, launchctl] of Object.entries({
  "at once": { endingMs: 0 },
  "after a while": { endingMs: 20_000 },
  "after a while, and launchctl says so": { endingMs: 20_000, bootoutCode: 36 },
})) {
  test(`installed, installed again, removed, removed again; the job ends ${what}`, async () => {
    const { launchd, orders, waited } = makeLaunchctl(launchctl);
    assert.equal(await launchd.install(options), [file]);
    assert.match(readFileSync(file, "utf8"), /<string>--launchd<\/string>/);
    await launchd.install(options);
    assert.equal(orders(), [
      `bootstrap gui/501 ${file}`,
      "bootout gui/501/coding-tools-mcp",
      `bootstrap gui/501 ${file}`,
    ]);
    assert.is(waited(), launchctl.endingMs);
    assert.equal(await launchd.uninstall({ purge: false }), [file]);
    assert.not.ok(existsSync(file));
    assert.equal(await launchd.uninstall({ purge: false }), []);
  });
}

test("a job that never ends is told, and is not loaded a second time", async () => {
  const { launchd, orders, waited } = makeLaunchctl({ endingMs: Number.POSITIVE_INFINITY });
  await launchd.install(options);
  const failure = await launchd.install(options).catch((error) => error);
  assert.is(failure.code, "FAILED");
  assert.match(failure.message, "did not end within 25 s");
  assert.is(waited(), 25_000);
  assert.is(orders().length, 2);
});

test("what launchctl refuses is said, and uninstalling goes on past it", async () => {
  const run = async (_file: string, [verb]: readonly string[]) => ({
    code: verb === "print" ? 0 : 5,
    stdout: "",
    stderr: "not permitted",
  });
  const launchd = createLaunchd({ scope: "user", home, uid: 501, run });
  const failure = await launchd.install(options).catch((error) => error);
  assert.is(failure.code, "FAILED");
  assert.ok(existsSync(file));
  assert.is((await launchd.uninstall({ purge: false }).catch((error) => error)).code, "FAILED");
  assert.not.ok(existsSync(file));
});

test("what does not fit is told before anything is stopped or started", async () => {
  const { launchd, orders } = makeLaunchctl({ endingMs: 0 });
  const beforeStart = async (): Promise<void> => {
    throw new Error("does not fit");
  };
  assert.is(
    (await launchd.install({ ...options, beforeStart }).catch((error) => error)).message,
    "does not fit",
  );
  assert.equal(orders(), []);
});

test("purged, its logs are gone, and nobody else's", async () => {
  const { launchd } = makeLaunchctl({ endingMs: 0 });
  const logs = join(home, "Library", "Logs");
  const ours = ["coding-tools-mcp.log", "coding-tools-mcp.log.1", "coding-tools-mcp.out.log"];
  const others = ["coding-tools-mcp.log.txt", "coding-tools-mcp2.log", "other.log"];
  mkdirSync(logs, { recursive: true });
  for (const name of [...ours, ...others]) writeFileSync(join(logs, name), "");
  await launchd.install(options);
  await launchd.uninstall({ purge: false });
  assert.equal(readdirSync(logs).sort(), [...ours, ...others].sort());
  const removed = await launchd.uninstall({ purge: true });
  assert.equal(
    [...removed].sort(),
    ours.map((name) => join(logs, name)),
  );
  assert.equal(readdirSync(logs).sort(), others.sort());
});

test.run();
