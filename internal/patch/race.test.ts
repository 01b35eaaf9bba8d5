/** Another process exchanges the folder we write in for a link that leads outside. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { openRoot } from "../workspace/root.js";
import { callerOn, makeBench, patcherOn } from "./faults.test.util.js";

const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "patch-race-")));
const bench = makeBench(base);
const outside = join(base, "outside");
let swapper: ChildProcess;

/** Runs in the other process until it is killed or we are gone. */
const swap = `
const { renameSync } = require("node:fs");
process.on("disconnect", () => process.exit());
function round() {
  for (let i = 0; i < 200; i++) {
    renameSync("dir", "dir.real");
    renameSync("dir.link", "dir");
    renameSync("dir", "dir.link");
    renameSync("dir.real", "dir");
  }
  setImmediate(round);
}
process.send("ready");
round();
`;

test.before(async () => {
  fs.mkdirSync(join(bench.workspace, "dir"));
  fs.mkdirSync(outside);
  fs.symlinkSync(outside, join(bench.workspace, "dir.link"));
  for (const dir of [join(bench.workspace, "dir"), outside]) {
    for (const name of ["file", "other"]) fs.writeFileSync(join(dir, name), "v0\n");
  }
  const stdio = ["ignore", "ignore", "inherit", "ipc"] as const;
  swapper = spawn(process.execPath, ["-e", swap], { cwd: bench.workspace, stdio: [...stdio] });
  await once(swapper, "message");
});
test.after(async () => {
  const gone = once(swapper, "exit");
  swapper.kill("SIGKILL");
  await gone;
  fs.rmSync(base, { recursive: true, force: true });
});

const untouched = "file=v0\n,other=v0\n";

function outsideTree(): string {
  return fs
    .readdirSync(outside)
    .map((name) => `${name}=${fs.readFileSync(join(outside, name), "utf8")}`)
    .join();
}

test("patches never reach what is outside", async () => {
  const root = openRoot(bench.workspace);
  const patcher = patcherOn(bench);
  const seen: Record<string, number> = {};
  let version = 0;
  for (let i = 0; i < 2000; i++) {
    const sections = ["file", "other"].map(
      (name) => `*** Update File: dir/${name}\n-v${version}\n+v${version + 1}\n`,
    );
    try {
      await patcher.applyPatch(callerOn(root), `*** Begin Patch\n${sections.join("")}*** End Patch`, false);
      version++;
      seen.done = (seen.done ?? 0) + 1;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      seen[error.code] = (seen[error.code] ?? 0) + 1;
    }
  }
  root.close();
  assert.is(outsideTree(), untouched, JSON.stringify(seen));
  const { done = 0, NOT_FOUND = 0, SYMLINK_ESCAPE = 0, PATCH_CONFLICT = 0, ...others } = seen;
  assert.ok(done > 0 && SYMLINK_ESCAPE + NOT_FOUND + PATCH_CONFLICT > 0, `no race: ${JSON.stringify(seen)}`);
  assert.equal(others, {}, JSON.stringify(seen));
});

test("control: checking the real path and then writing reaches it", () => {
  const path = join(bench.workspace, "dir/file");
  for (let i = 0; i < 200_000 && outsideTree() === untouched; i++) {
    try {
      if (fs.realpathSync(path).startsWith(`${bench.workspace}/`))
        fs.writeFileSync(path, "CANARY", { flag: "r+" });
    } catch {
      // Nothing stands there at this moment.
    }
  }
  assert.not.equal(outsideTree(), untouched);
});

test.run();
