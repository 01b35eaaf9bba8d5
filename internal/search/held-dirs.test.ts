import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { type OpenedDir, openRoot, type Root } from "../workspace/root.js";
import { createHeldDirs } from "./held-dirs.js";

const dir = realpathSync(mkdtempSync(join(tmpdir(), "held-")));
const root = openRoot(dir);
const folders = Array.from({ length: 12 }, (_, at) => `d${at}`);

test.before(() => {
  for (const folder of folders) {
    mkdirSync(join(dir, folder));
    writeFileSync(join(dir, folder, "f"), folder);
  }
  writeFileSync(join(dir, "top"), "top");
  symlinkSync("d0", join(dir, "link"));
  symlinkSync("f", join(dir, "d0/link"));
});
test.after(() => {
  root.close();
  rmSync(dir, { recursive: true, force: true });
});

/** The root, with a count of the directories opened through it and of those still open. */
function counting(): { root: Root; count: { opened: number; open: number } } {
  const count = { opened: 0, open: 0 };
  const openDir = (path: string): OpenedDir => {
    const opened = root.openDir(path);
    count.opened++;
    count.open++;
    const close = (): void => {
      count.open--;
      opened.close();
    };
    return { ...opened, close };
  };
  return { root: { ...root, openDir }, count };
}

function read(path: string, dirs = createHeldDirs(root)): string | undefined {
  const file = dirs.openFile(path);
  try {
    return file && readFileSync(file.fd, "utf8");
  } finally {
    file?.close();
    dirs.release();
  }
}

test("opens a file by its own path only", () => {
  assert.is(read("top"), "top");
  assert.is(read("d3/f"), "d3");
  for (const path of ["link/f", "d0/link", "d0/none", "none/f", "d0", "d0/../d1/f", "../f"])
    assert.is(read(path), undefined);
});

test("walks to a directory once, until it is released", () => {
  const { root: counted, count } = counting();
  const dirs = createHeldDirs(counted);
  for (let turn = 0; turn < 3; turn++) for (const at of [0, 1, 2]) dirs.openFile(`d${at}/f`)?.close();
  assert.equal(count, { opened: 3, open: 3 });
  dirs.release();
  assert.equal(count, { opened: 3, open: 0 });
  assert.is(read("d1/f", dirs), "d1");
  assert.equal(count, { opened: 4, open: 0 });
});

test("lets go of the directory that was not used for longest", () => {
  const { root: counted, count } = counting();
  const dirs = createHeldDirs(counted);
  for (const folder of folders) {
    dirs.openFile(`${folder}/f`)?.close();
    dirs.openFile("d0/f")?.close();
  }
  assert.equal(count, { opened: 12, open: 8 });
  dirs.openFile("d1/f")?.close();
  assert.equal(count, { opened: 13, open: 8 });
  dirs.release();
  assert.is(count.open, 0);
});

test("says so when the system has no room to look", () => {
  const busy = (): never => {
    throw new Fault("SERVER_BUSY", "too many open files");
  };
  assert.throws(
    () => createHeldDirs({ ...root, openDir: busy }).openFile("d0/f"),
    (error: unknown) => error instanceof Fault && error.code === "SERVER_BUSY",
  );
});

test.run();
