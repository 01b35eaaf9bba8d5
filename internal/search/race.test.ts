// time limit: 150 s
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../clock/clock.js";
import { openRoot, type Root } from "../workspace/root.js";
import { createIgnoreChecker } from "./ignore.js";
import { listFiles } from "./list.js";
import { createRipgrep, findRipgrep } from "./ripgrep.js";
import { searchText } from "./search.js";

// Folders of the workspace are exchanged with links to folders outside, all the time, by another process.
const base = realpathSync(mkdtempSync(join(tmpdir(), "race-")));
const work = join(base, "work");
const spots = 24;
const rounds = 200;
const never = new AbortController().signal;
const ripgrep = createRipgrep({ program: findRipgrep({ searchPath: undefined }), clock: systemClock });
let swapper: ChildProcess;
let root: Root;

const swapping = `
const { renameSync } = require("node:fs");
process.chdir(process.argv[1]);
process.stdout.write("ready");
for (;;) for (let at = 0; at < ${spots}; at++) {
  renameSync("work/" + at, "aside/" + at);
  renameSync("links/" + at, "work/" + at);
  renameSync("work/" + at, "links/" + at);
  renameSync("aside/" + at, "work/" + at);
}`;

test.before(async () => {
  for (const name of ["work", "aside", "links", "outside"]) mkdirSync(join(base, name));
  for (let at = 0; at < spots; at++) {
    mkdirSync(join(work, `${at}`));
    writeFileSync(join(work, `${at}/f.txt`), "before\nneedle inside\nafter\n");
    symlinkSync(join(base, "outside"), join(base, `links/${at}`));
  }
  writeFileSync(join(base, "outside/f.txt"), "before CANARY\nneedle CANARY\nafter CANARY\n");
  writeFileSync(join(base, "outside/CANARY.txt"), "needle CANARY\n");
  root = openRoot(work);
  swapper = spawn(process.execPath, ["-e", swapping, base], { stdio: ["ignore", "pipe", "inherit"] });
  await once(swapper.stdout as NonNullable<ChildProcess["stdout"]>, "data");
});

test.after(async () => {
  swapper.kill("SIGKILL");
  await once(swapper, "exit");
  root.close();
  rmSync(base, { recursive: true, force: true });
});

/** Runs ripgrep by itself until it shows something from outside; how often it had to. */
async function roundsUntilLeak(args: readonly string[]): Promise<number> {
  for (let round = 1; round <= 20 * rounds; round++) {
    let text = "";
    const take = (chunk: Buffer): boolean => {
      text += chunk;
      return false;
    };
    await ripgrep.run({ args: [...args, "./"], cwd: work, signal: never, take });
    if (text.includes("CANARY")) return round;
  }
  return Number.POSITIVE_INFINITY;
}

test("ripgrep by itself is led outside", async () => {
  assert.ok((await roundsUntilLeak(["--json", "--regexp=needle"])) < Number.POSITIVE_INFINITY);
  assert.ok((await roundsUntilLeak(["--files"])) < Number.POSITIVE_INFINITY);
});

const scope = { path: ".", include: [], exclude: [], includeHidden: false, includeIgnored: false };

test("a search shows nothing from outside", async () => {
  const deps = { ripgrep, ignore: createIgnoreChecker(root, { globalFile: undefined }) };
  const request = {
    ...scope,
    query: "needle",
    regex: false,
    caseSensitive: true,
    contextLines: 1,
    maxResults: 1000,
    maxPreviewBytes: 512,
  };
  let found = 0;
  for (let round = 0; round < rounds; round++) {
    const outcome = await searchText(root, deps, request, never);
    found += outcome.matches.length;
    assert.not.ok(JSON.stringify(outcome).includes("CANARY"));
  }
  assert.ok(found > rounds);
});

test("a listing shows nothing from outside", async () => {
  const deps = { ripgrep, ignore: createIgnoreChecker(root, { globalFile: undefined }) };
  const request = { ...scope, maxResults: 1000, sort: "path" } as const;
  let found = 0;
  for (let round = 0; round < rounds; round++) {
    const listing = await listFiles(root, deps, request, never);
    found += listing.files.length;
    assert.not.ok(JSON.stringify(listing).includes("CANARY"));
    // Nor the size of the file outside, for a name that both have.
    assert.ok(listing.files.every(({ sizeBytes }) => sizeBytes === 27));
  }
  assert.ok(found > rounds);
});

test.run();
