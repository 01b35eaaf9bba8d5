import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { type OwnedFileOptions, othersCanWrite, quoted, readOwnedFile } from "./owned.js";
import { readSecretFile } from "./secret.js";

const folder = mkdtempSync(join(tmpdir(), "ctmcp-owned-"));
const me = statSync(folder).uid;
test.after(() => rmSync(folder, { recursive: true }));

function file(name: string, mode: number, content = "content"): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

/** A user who is neither root nor the owner of `path`; only root can give a file away. */
function stranger(path: string): number {
  if (me !== 0) return me + 1;
  chownSync(path, 12_345, 12_345);
  return me;
}

function codeOf(run: () => unknown): string {
  try {
    run();
    return "none";
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return error.code;
  }
}

const shared: OwnedFileOptions = { uid: me, access: "shared", limit: 100 };
const secret: OwnedFileOptions = { uid: me, access: "private", limit: 100 };

test("modes decide who may have access", () => {
  const rows: [mode: number, shared: string, secret: string, granted: string][] = [
    [0o600, "none", "none", "none"],
    [0o400, "none", "none", "none"],
    [0o440, "none", "PERMISSION", "none"],
    [0o640, "none", "PERMISSION", "none"],
    [0o450, "none", "PERMISSION", "PERMISSION"],
    [0o604, "none", "PERMISSION", "PERMISSION"],
    [0o644, "none", "PERMISSION", "PERMISSION"],
    [0o601, "none", "PERMISSION", "PERMISSION"],
    [0o602, "PERMISSION", "PERMISSION", "PERMISSION"],
    [0o666, "PERMISSION", "PERMISSION", "PERMISSION"],
  ];
  for (const [mode, forShared, forSecret, forGranted] of rows) {
    const path = file("mode", mode);
    assert.is(
      codeOf(() => readOwnedFile(path, shared)),
      forShared,
      `shared ${mode.toString(8)}`,
    );
    assert.is(
      codeOf(() => readOwnedFile(path, secret)),
      forSecret,
      `secret ${mode.toString(8)}`,
    );
    assert.is(
      codeOf(() => readOwnedFile(path, { ...secret, access: "granted" })),
      forGranted,
      `granted ${mode.toString(8)}`,
    );
    rmSync(path);
  }
});

test("what an access control list grants may be read, not written", () => {
  const path = file("granted", 0o460);
  assert.is(
    codeOf(() => readOwnedFile(path, { ...secret, access: "granted" })),
    "PERMISSION",
  );
});

test("a group-writable file passes in the owner's private group only", () => {
  const groups = file("groups", 0o644, "root:x:0:\nanna:x:1000:\nteam:x:1001:bert,carl\n");
  const rows: [mode: number, uid: number, gid: number, writable: boolean][] = [
    [0o100664, 1000, 1000, false],
    [0o100664, 1002, 1002, false],
    [0o100664, 1001, 1001, true],
    [0o100664, 1000, 1001, true],
    [0o100664, 1000, 100, true],
    [0o100666, 1000, 1000, true],
    [0o100644, 1000, 1001, false],
  ];
  for (const [mode, uid, gid, writable] of rows) {
    assert.is(othersCanWrite({ mode, uid, gid }, groups), writable, `${mode.toString(8)} ${uid}:${gid}`);
  }
  assert.is(othersCanWrite({ mode: 0o664, uid: 1, gid: 1 }, join(folder, "absent")), false);
});

test("a file of another user is refused", () => {
  const path = file("foreign", 0o600);
  assert.is(
    codeOf(() => readOwnedFile(path, shared)),
    "none",
  );
  assert.is(
    codeOf(() => readOwnedFile(path, { ...shared, uid: stranger(path) })),
    "PERMISSION",
  );
});

test("what stands behind a symlink is checked, not the link", () => {
  symlinkSync(file("good", 0o600), join(folder, "to-good"));
  symlinkSync(file("bad", 0o622), join(folder, "to-bad"));
  assert.is(String(readOwnedFile(join(folder, "to-good"), secret)), "content");
  assert.is(
    codeOf(() => readOwnedFile(join(folder, "to-bad"), shared)),
    "PERMISSION",
  );
});

test("what is no regular file is refused at once", () => {
  const fifo = join(folder, "fifo");
  assert.is(spawnSync("mkfifo", ["-m", "600", fifo]).status, 0);
  assert.is(
    codeOf(() => readOwnedFile(fifo, shared)),
    "FAILED",
  );
  assert.is(
    codeOf(() => readOwnedFile(folder, shared)),
    "FAILED",
  );
  assert.is(
    codeOf(() => readOwnedFile(join(file("plain", 0o600), "below"), shared)),
    "FAILED",
  );
});

test("a file up to the limit is read whole, a longer one refused, a missing one undefined", () => {
  assert.is(readOwnedFile(file("full", 0o600, "x".repeat(100)), shared)?.length, 100);
  assert.is(
    codeOf(() => readOwnedFile(file("over", 0o600, "x".repeat(101)), shared)),
    "FAILED",
  );
  assert.is(readOwnedFile(file("empty", 0o600, ""), shared)?.length, 0);
  assert.is(readOwnedFile(join(folder, "absent"), shared), undefined);
});

test("a secret comes without the white space around it and is never empty", () => {
  assert.is(readSecretFile(file("token", 0o600, "  s3cret\n\n"), { uid: me }), "s3cret");
  assert.is(
    codeOf(() => readSecretFile(file("blank", 0o600, " \n"), { uid: me })),
    "FAILED",
  );
  assert.is(
    codeOf(() => readSecretFile(file("open", 0o640), { uid: me })),
    "PERMISSION",
  );
  assert.is(
    codeOf(() => readSecretFile(file("huge", 0o600, "x".repeat(65_537)), { uid: me })),
    "FAILED",
  );
  assert.is(readSecretFile(join(folder, "absent"), { uid: me }), undefined);
});

test("a quoted path is one word of a shell", () => {
  for (const path of ["/plain/path-1.yaml", "/with space", "/it's", '/"$(id)`;&', "/a\nb"]) {
    const { stdout } = spawnSync("sh", ["-c", `printf %s ${quoted(path)}`], { encoding: "utf8" });
    assert.is(stdout, path);
  }
});

test.run();
