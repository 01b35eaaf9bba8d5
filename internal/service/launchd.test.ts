import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createLaunchd } from "./launchd.js";
import type { InstallOptions } from "./manager.js";

const home = mkdtempSync(join(tmpdir(), "launchd-"));
test.after(() => rmSync(home, { recursive: true }));
const file = join(home, "Library", "LaunchAgents", "coding-tools-mcp.plist");
const options: InstallOptions = {
  description: {
    node: "/usr/bin/node",
    program: "/ctmcpd.cjs",
    configPath: "/config.yaml",
    path: "/bin",
    scope: { kind: "user" },
  },
  readOnly: undefined,
  socket: undefined,
  start: true,
};

/** A launchctl that knows which jobs are loaded. */
function makeLaunchctl(): {
  readonly calls: string[];
  readonly run: Parameters<typeof createLaunchd>[0]["run"];
} {
  const calls: string[] = [];
  let isLoaded = false;
  return {
    calls,
    async run(_file, args) {
      calls.push(args.join(" "));
      const [verb] = args;
      if (verb === "print") return { code: isLoaded ? 0 : 113, stdout: "", stderr: "" };
      if (verb === "bootstrap" && isLoaded) return { code: 5, stdout: "", stderr: "Bootstrap failed: 5" };
      if (verb === "bootout" && !isLoaded) return { code: 3, stdout: "", stderr: "No such process" };
      isLoaded = verb === "bootstrap";
      return { code: 0, stdout: "", stderr: "" };
    },
  };
}

test("installed, installed again, removed, removed again", async () => {
  const { calls, run } = makeLaunchctl();
  const launchd = createLaunchd({ scope: "user", home, uid: 501, run });
  assert.equal(await launchd.install(options), [file]);
  assert.match(readFileSync(file, "utf8"), /<string>--launchd<\/string>/);
  await launchd.install(options);
  assert.equal(
    calls.filter((call) => !call.startsWith("print")),
    [`bootstrap gui/501 ${file}`, "bootout gui/501/coding-tools-mcp", `bootstrap gui/501 ${file}`],
  );
  assert.equal(await launchd.uninstall(), [file]);
  assert.not.ok(existsSync(file));
  assert.equal(await launchd.uninstall(), []);
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
  assert.is((await launchd.uninstall().catch((error) => error)).code, "FAILED");
  assert.not.ok(existsSync(file));
});

test.run();
