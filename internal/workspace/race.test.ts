// time limit: 150 s
/** Another process exchanges a folder and a file for links that lead outside, while we read through both. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { type OpenedFile, openRoot } from "./root.js";

const tries = 100_000;
const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "race-")));
const ws = join(base, "ws");
const outside = join(base, "outside");
const paths = ["dir/file", "file", "dir/sub/../file"] as const;
let swapper: ChildProcess;

/** Runs in the other process until it is killed or we are gone. */
const swap = `
const { renameSync } = require("node:fs");
process.on("disconnect", () => process.exit());
function round() {
  for (let i = 0; i < 500; i++) {
    for (const name of ["dir", "file"]) {
      renameSync(name, name + ".real");
      renameSync(name + ".link", name);
      renameSync(name, name + ".link");
      renameSync(name + ".real", name);
    }
  }
  setImmediate(round);
}
process.send("ready");
round();
`;

test.before(async () => {
  fs.mkdirSync(join(ws, "dir/sub"), { recursive: true });
  fs.mkdirSync(join(outside, "sub"), { recursive: true });
  fs.writeFileSync(join(ws, "dir/file"), "inside");
  fs.writeFileSync(join(ws, "file"), "inside");
  fs.writeFileSync(join(outside, "file"), "CANARY");
  fs.writeFileSync(join(outside, "only-outside"), "CANARY");
  fs.symlinkSync(outside, join(ws, "dir.link"));
  fs.symlinkSync(join(outside, "file"), join(ws, "file.link"));
  swapper = spawn(process.execPath, ["-e", swap], { cwd: ws, stdio: ["ignore", "ignore", "inherit", "ipc"] });
  await once(swapper, "message");
});

test.after(async () => {
  const gone = once(swapper, "exit");
  swapper.kill("SIGKILL");
  await gone;
  fs.rmSync(base, { recursive: true, force: true });
});

/** Runs `read` `count` times, or until it has leaked when `untilLeak`. */
function attempt(count: number, read: (path: string) => string, untilLeak = false): Record<string, number> {
  const seen: Record<string, number> = { inside: 0, CANARY: 0 };
  for (let i = 0; i < count; i++) {
    let outcome: string;
    try {
      outcome = read(paths[i % paths.length] ?? "");
    } catch (error) {
      outcome = error instanceof Fault ? error.code : String((error as { code?: unknown }).code ?? error);
    }
    seen[outcome] = (seen[outcome] ?? 0) + 1;
    if (untilLeak && outcome === "CANARY") break;
  }
  return seen;
}

test("control: checking the real path and then opening leaks", () => {
  const seen = attempt(
    tries,
    (path) => {
      const real = fs.realpathSync(join(ws, path));
      if (!real.startsWith(`${ws}/`)) return "refused";
      return fs.readFileSync(join(ws, path), "utf8");
    },
    true,
  );
  assert.ok((seen.CANARY ?? 0) > 0, `the swapper never hit: ${JSON.stringify(seen)}`);
});

test("reading through a root never leaks", () => {
  const root = openRoot(ws);
  const seen = attempt(tries, (path) => {
    const file = root.openFile(path);
    try {
      return fs.readFileSync(file.fd, "utf8");
    } finally {
      file.close();
    }
  });
  root.close();
  const { inside = 0, CANARY, NOT_FOUND = 0, SYMLINK_ESCAPE = 0, ...others } = seen;
  assert.is(CANARY, 0);
  assert.equal(others, {});
  assert.ok(inside > 0 && NOT_FOUND > 0 && SYMLINK_ESCAPE > 0, `no race: ${JSON.stringify(seen)}`);
});

test("reading the children of held directories never leaks", () => {
  const root = openRoot(ws);
  const top = root.openDir(".");
  const read = (file: OpenedFile | undefined): string => {
    if (file === undefined) return "link";
    try {
      return fs.readFileSync(file.fd, "utf8");
    } finally {
      file.close();
    }
  };
  const ofTop = attempt(tries, () => read(top.openChild("file")));
  const ofOther = attempt(tries / 5, () => {
    const dir = root.openDir("dir");
    try {
      return read(dir.openChild("file"));
    } finally {
      dir.close();
    }
  });
  top.close();
  root.close();
  for (const seen of [ofTop, ofOther]) assert.is(seen.CANARY, 0);
  assert.ok((ofTop.inside ?? 0) > 0 && (ofTop.link ?? 0) > 0, `no race: ${JSON.stringify(ofTop)}`);
  assert.ok((ofOther.inside ?? 0) > 0 && (ofOther.SYMLINK_ESCAPE ?? 0) > 0, JSON.stringify(ofOther));
});

test("control: listing by path shows what is outside", () => {
  const seen = attempt(
    tries,
    () => (fs.readdirSync(join(ws, "dir")).includes("only-outside") ? "CANARY" : "inside"),
    true,
  );
  assert.ok((seen.CANARY ?? 0) > 0);
});

test("listing through a root never shows what is outside", () => {
  const root = openRoot(ws);
  const seen = attempt(tries / 5, () => {
    const dir = root.openDir("dir");
    try {
      const names = dir.entries().map(({ name }) => name);
      return names.includes("only-outside") || dir.lstatChild("only-outside") !== undefined
        ? "CANARY"
        : "inside";
    } finally {
      dir.close();
    }
  });
  root.close();
  assert.is(seen.CANARY, 0);
  assert.ok((seen.inside ?? 0) > 0 && (seen.SYMLINK_ESCAPE ?? 0) > 0, `no race: ${JSON.stringify(seen)}`);
});

test.run();
