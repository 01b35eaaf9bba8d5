import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import * as real from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { errnoOf, Fault } from "../errs/errs.js";
import { type AtomicFs, atomicWriter, sweepTemporary, writeFileAtomic } from "./atomic.js";

let folder = "";
let path = "";
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "ctmcp-atomic-"));
  path = join(folder, "file");
  writeFileSync(path, "old");
});
test.after.each(() => rmSync(folder, { recursive: true }));

/** The real calls, the one numbered `failing` (from 0) throwing `errno` instead. Their names are kept in order. */
function faulty(failing: number, errno: string): { fs: AtomicFs; calls: string[] } {
  const calls: string[] = [];
  async function step<T>(name: string, run: () => Promise<T>): Promise<T> {
    if (calls.push(name) - 1 === failing) throw Object.assign(new Error(errno), { code: errno });
    return run();
  }
  const fs: AtomicFs = {
    async open(name, flags, mode) {
      const file = await step("open", () => real.open(name, flags, mode));
      return {
        writeFile: (data) => step("write", () => file.writeFile(data)),
        chmod: (bits) => step("chmod", () => file.chmod(bits)),
        sync: () => step("sync", () => file.sync()),
        // A failing close still releases the descriptor.
        close: () => step("close", async () => {}).finally(() => file.close()),
      };
    },
    rename: (from, to) => step("rename", () => real.rename(from, to)),
    unlink: real.unlink,
  };
  return { fs, calls };
}

test("what killed writers left is swept away, and nothing else", async () => {
  const names = { stale: `.${"0".repeat(18)}.tmp`, fresh: `.${"1".repeat(18)}.tmp`, other: ".notes.tmp" };
  for (const name of Object.values(names)) writeFileSync(join(folder, name), "");
  const now = Date.now();
  const hourAgo = new Date(now - 3_600_000);
  for (const name of [names.stale, names.other]) utimesSync(join(folder, name), hourAgo, hourAgo);
  await sweepTemporary(folder, now);
  assert.equal(readdirSync(folder).sort(), [names.fresh, names.other, "file"].sort());
  await sweepTemporary(join(folder, "none"), now);
});

async function faultOf(run: Promise<unknown>): Promise<Fault | undefined> {
  const error: unknown = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error !== undefined && !(error instanceof Fault)) throw error;
  return error;
}

test("a file is replaced or made with exactly the mode asked for, whatever the umask", async () => {
  for (const umask of [0o000, 0o077, 0o022]) {
    const before = process.umask(umask);
    try {
      await writeFileAtomic(path, "new", 0o640);
      await writeFileAtomic(join(folder, `fresh-${umask}`), Buffer.from([0, 255]), 0o600);
    } finally {
      process.umask(before);
    }
    assert.is(statSync(path).mode & 0o7777, 0o640);
    assert.is(statSync(join(folder, `fresh-${umask}`)).mode & 0o7777, 0o600);
  }
  assert.is(readFileSync(path, "utf8"), "new");
  assert.equal([...readFileSync(join(folder, "fresh-0"))], [0, 255]);
});

test("a failure in any step leaves the whole old or the whole new file and nothing else", async () => {
  const unharmed = faulty(-1, "");
  await atomicWriter(unharmed.fs)(path, "new", 0o600);
  assert.is(readFileSync(path, "utf8"), "new");
  // A crash shows nothing half-written only if the content is on the disk before the name is.
  const steps = ["open", "write", "chmod", "sync", "close", "rename", "open", "sync", "close"];
  assert.equal(unharmed.calls, steps);
  const outcomes: string[] = [];
  for (let failing = 0; failing < steps.length; failing += 1) {
    writeFileSync(path, "old");
    const fault = await faultOf(atomicWriter(faulty(failing, "ENOSPC").fs)(path, "new", 0o600));
    assert.is(fault?.code, "FAILED", `step ${failing}`);
    assert.is(errnoOf(fault?.cause), "ENOSPC", `step ${failing}`);
    assert.equal(readdirSync(folder), ["file"], `step ${failing}`);
    outcomes.push(readFileSync(path, "utf8"));
  }
  assert.equal(
    outcomes,
    steps.map((_, index) => (index > steps.indexOf("rename") ? "new" : "old")),
  );
});

test("denied access has its own code", async () => {
  for (const errno of ["EACCES", "EPERM", "EROFS"]) {
    assert.is((await faultOf(atomicWriter(faulty(0, errno).fs)(path, "new", 0o600)))?.code, "PERMISSION");
  }
});

test("a directory that cannot be synced is no failure", async () => {
  const syncOfDirectory = 7;
  const run = atomicWriter(faulty(syncOfDirectory, "EINVAL").fs)(path, "newer", 0o600);
  assert.is(await faultOf(run), undefined);
  assert.is(readFileSync(path, "utf8"), "newer");
});

test("a reader that has the old file open keeps it whole", async () => {
  const reader = openSync(path, "r");
  await writeFileAtomic(path, "new", 0o600);
  assert.is(readFileSync(reader, "utf8"), "old");
  closeSync(reader);
});

test("control: writing in place changes the file under an open reader", () => {
  const reader = openSync(path, "r");
  writeFileSync(path, "new");
  assert.is(readFileSync(reader, "utf8"), "new");
  closeSync(reader);
});

test("a symlink is replaced, its target untouched", async () => {
  const link = join(folder, "link");
  symlinkSync(path, link);
  await writeFileAtomic(link, "new", 0o600);
  assert.is(readFileSync(path, "utf8"), "old");
  assert.throws(() => readlinkSync(link));
});

test("real failures: no such directory, a directory in the way", async () => {
  assert.is((await faultOf(writeFileAtomic(join(folder, "no", "file"), "new", 0o600)))?.code, "FAILED");
  const inTheWay = join(folder, "directory");
  mkdirSync(join(inTheWay, "full"), { recursive: true });
  assert.is((await faultOf(writeFileAtomic(inTheWay, "new", 0o600)))?.code, "FAILED");
  assert.equal(readdirSync(folder).sort(), ["directory", "file"]);
});

test.run();
