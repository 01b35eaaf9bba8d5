import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { ensurePrivateDir } from "./private-dir.js";

const folder = mkdtempSync(join(tmpdir(), "ctmcp-private-"));
const uid = statSync(folder).uid;
test.after(() => rmSync(folder, { recursive: true }));

function codeOf(path: string, as = uid): string {
  try {
    ensurePrivateDir(path, { uid: as });
    return "none";
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return error.code;
  }
}

test("a missing directory is made for its owner alone, even under an open umask", () => {
  const before = process.umask(0);
  try {
    assert.is(codeOf(join(folder, "a", "b")), "none");
  } finally {
    process.umask(before);
  }
  assert.is(statSync(join(folder, "a")).mode & 0o777, 0o700);
  assert.is(statSync(join(folder, "a", "b")).mode & 0o777, 0o700);
});

test("an existing directory is accepted as it is or refused, never changed", () => {
  for (const [mode, code] of [
    [0o700, "none"],
    [0o500, "none"],
    [0o750, "PERMISSION"],
    [0o701, "PERMISSION"],
    [0o777, "PERMISSION"],
  ] as const) {
    const path = join(folder, `mode-${mode}`);
    mkdirSync(path);
    chmodSync(path, mode);
    assert.is(codeOf(path), code);
    assert.is(statSync(path).mode & 0o777, mode);
  }
});

test("a directory of another user is refused", () => {
  const path = join(folder, "foreign");
  assert.is(codeOf(path), "none");
  if (uid === 0) chownSync(path, 12_345, 12_345);
  assert.is(codeOf(path, uid === 0 ? 0 : uid + 1), "PERMISSION");
});

test("symlinks and files are refused", () => {
  const target = join(folder, "target");
  mkdirSync(target, { mode: 0o700 });
  assert.is(codeOf(target), "none");
  symlinkSync(target, join(folder, "link"));
  symlinkSync(join(folder, "nowhere"), join(folder, "dangling"));
  writeFileSync(join(folder, "file"), "", { mode: 0o600 });
  assert.is(codeOf(join(folder, "link")), "PERMISSION");
  assert.is(codeOf(join(folder, "dangling")), "FAILED");
  assert.is(codeOf(join(folder, "file")), "PERMISSION");
  assert.is(codeOf(join(folder, "file", "below")), "FAILED");
});

test.run();
