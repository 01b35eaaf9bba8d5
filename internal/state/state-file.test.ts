import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import * as real from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Clock } from "../clock/clock.js";
import { systemClock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import { type AtomicFs, atomicWriter, writeFileAtomic } from "../fsx/atomic.js";
import { openStateFile, type StateFile, type StateFileOptions } from "./state-file.js";

interface Counted {
  count: number;
  byName: Record<string, { seen: number }>;
}

let folder = "";
let path = "";
let damaged: { kept: string; reason: string }[] = [];
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "ctmcp-state-"));
  path = join(folder, "state", "counted.json");
  damaged = [];
});
test.after.each(() => rmSync(folder, { recursive: true }));

function open(change: Partial<StateFileOptions<Counted>> = {}): Promise<StateFile<Counted>> {
  return openStateFile<Counted>({
    path,
    uid: process.getuid?.() ?? 0,
    version: 2,
    validate: (value) =>
      typeof (value as Counted).count === "number" && typeof (value as Counted).byName === "object"
        ? undefined
        : "count must be a number",
    empty: () => ({ count: 0, byName: {} }),
    clock: systemClock,
    onDamaged: (kept, reason) => damaged.push({ kept, reason }),
    ...change,
  });
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return "none";
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
}

/** The real calls, those numbered in `failing` (from 0) throwing `errno` instead. */
function faulty(failing: (step: number) => boolean, errno: string): typeof writeFileAtomic {
  let steps = 0;
  async function step<T>(run: () => Promise<T>): Promise<T> {
    if (failing(steps++)) throw Object.assign(new Error(errno), { code: errno });
    return run();
  }
  const fs: AtomicFs = {
    async open(name, flags, mode) {
      const file = await step(() => real.open(name, flags, mode));
      return {
        writeFile: (data) => step(() => file.writeFile(data)),
        chmod: (bits) => step(() => file.chmod(bits)),
        sync: () => step(() => file.sync()),
        // A failing close still releases the descriptor.
        close: () => step(async () => {}).finally(() => file.close()),
      };
    },
    rename: (from, to) => step(() => real.rename(from, to)),
    unlink: real.unlink,
  };
  return atomicWriter(fs);
}
/** Open, write, chmod, sync, close, rename; then the directory's open, sync, close. */
const stepsOfWrite = 9;

test("what was updated is there after a restart, in a private file of a private directory", async () => {
  const file = await open();
  const seen = await file.update((draft) => {
    draft.byName.anna = { seen: 1 };
    return ++draft.count;
  });
  assert.is(seen, 1);
  assert.is(statSync(path).mode & 0o777, 0o600);
  assert.is(statSync(join(path, "..")).mode & 0o777, 0o700);
  assert.equal((await open()).current().byName.anna, { seen: 1 });
  assert.is((await open()).current().count, 1);
});

test("updates run one after the other, each on what the one before it left", async () => {
  const file = await open();
  const counts = await Promise.all(Array.from({ length: 50 }, () => file.update((draft) => ++draft.count)));
  assert.equal(
    counts,
    Array.from({ length: 50 }, (_, index) => index + 1),
  );
  assert.is((await open()).current().count, 50);
});

test("a draft is a copy all the way down, also once it is in force", async () => {
  const file = await open();
  const entry = await file.update((draft) => {
    const anna = { seen: 1 };
    draft.byName.anna = anna;
    return anna;
  });
  entry.seen = 99;
  assert.is(file.current().byName.anna?.seen, 1);
  const before = file.current();
  await file.update((draft) => {
    draft.byName.anna = { seen: 2 };
  });
  assert.is(before.byName.anna?.seen, 1);
});

test("a change that throws, or leaves what could not be read again, changes nothing", async () => {
  const file = await open();
  await file.update((draft) => ++draft.count);
  const bytes = readFileSync(path);
  const bad: ((draft: Counted) => void)[] = [
    (draft) => {
      draft.count = 7;
      throw new Fault("REFUSED", "no");
    },
    (draft) => {
      draft.count = Number.NaN;
    },
    (draft) => {
      for (const name of ["__proto__"]) draft.byName[name] = { seen: 1 };
    },
  ];
  for (const change of bad) {
    assert.is.not(await codeOf(file.update(change)), "none");
    assert.is(file.current().count, 1);
    assert.equal(readFileSync(path), bytes);
  }
  assert.is(await file.update((draft) => ++draft.count), 2);
});

test("names that every object has are not found among keys from outside", async () => {
  const file = await open();
  const outside = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  const plain: Counted["byName"] = {};
  for (const state of [file.current(), (await open()).current(), await file.update((draft) => draft)]) {
    for (const name of outside) {
      assert.is.not(plain[name], undefined, "control: a plain object has it");
      assert.is(state.byName[name], undefined);
    }
  }
});

test("an update that changes nothing writes nothing, but the first makes the file", async () => {
  let writes = 0;
  const write: typeof writeFileAtomic = (...args) => {
    writes++;
    return writeFileAtomic(...args);
  };
  const file = await open({ write });
  assert.not(existsSync(path));
  for (const expected of [1, 1]) {
    assert.is(await file.update((draft) => draft.count), 0);
    assert.is(writes, expected);
  }
  await file.update((draft) => ++draft.count);
  await file.update(() => {});
  assert.is(writes, 2);
  await (await open({ write })).update(() => {});
  assert.is(writes, 2);
});

for (const errno of ["ENOSPC", "EIO", "EACCES"]) {
  test(`${errno} at any step of a write leaves memory and disk as before, and later updates work`, async () => {
    await (await open()).update((draft) => ++draft.count);
    const bytes = readFileSync(path);
    for (let failing = 0; failing < stepsOfWrite; failing++) {
      const file = await open({ write: faulty((step) => step === failing, errno) });
      const code = await codeOf(file.update((draft) => ++draft.count));
      assert.is(code, errno === "EACCES" ? "PERMISSION" : "FAILED", `step ${failing}`);
      assert.is(file.current().count, 1, `step ${failing}`);
      assert.equal(readFileSync(path), bytes, `step ${failing}`);
      assert.equal(readdirSync(join(path, "..")), ["counted.json"], `step ${failing}`);
      assert.is(await file.update((draft) => ++draft.count), 2);
      assert.is((await open()).current().count, 2);
      writeFileSync(path, bytes);
    }
  });
}

test("when not even the old state can be put back, the next update writes although it changes nothing", async () => {
  await (await open()).update((draft) => ++draft.count);
  // The rename of the first write succeeds, its directory's sync and the whole second write do not.
  const file = await open({ write: faulty((step) => step >= 7 && step <= 9, "EIO") });
  assert.is(await codeOf(file.update((draft) => ++draft.count)), "FAILED");
  assert.is(file.current().count, 1);
  assert.is((await open()).current().count, 2, "control: the disk has what the caller was told had failed");
  await file.update(() => {});
  assert.is((await open()).current().count, 1);
});

test("what cannot be understood is kept beside, reported, and the state begins empty", async () => {
  const whole = '{"version":2,"count":5,"byName":{}}';
  const rows: [content: string | Buffer, what: string][] = [
    ["", "empty"],
    [whole.slice(0, -3), "torn"],
    [Buffer.alloc(4096), "zeroes"],
    [Buffer.concat([Buffer.from(whole), Buffer.from([0xff])]), "not text"],
    ["[]", "no object"],
    ['{"count":5,"byName":{}}', "no version"],
    ['{"version":1,"count":5,"byName":{}}', "an earlier version"],
    ['{"version":"2","count":5,"byName":{}}', "a version in quotes"],
    ['{"version":2,"count":"5","byName":{}}', "an invalid value"],
    ['{"version":2,"count":5,"byName":{"__proto__":{"seen":1}}}', "a forbidden key"],
  ];
  const clock: Clock = { ...systemClock, now: () => Date.UTC(2026, 10, 22, 23, 5, 9) };
  await (await open()).update(() => {});
  for (const [content, what] of rows) {
    writeFileSync(path, content);
    const file = await open({ clock });
    assert.is(file.current().count, 0, what);
    const kept = damaged.at(-1)?.kept ?? "";
    assert.equal(readFileSync(kept), Buffer.from(content), what);
    assert.is(statSync(kept).mode & 0o077, 0, what);
    assert.not(existsSync(path), what);
    assert.is(await file.update((draft) => ++draft.count), 1);
  }
  const stamped = `${path}.damaged-20261122T230509.000Z`;
  assert.is(damaged[0]?.kept, stamped);
  assert.is(damaged[1]?.kept, `${stamped}-2`);
  assert.is(new Set(damaged.map(({ kept }) => kept)).size, rows.length);
  assert.match(damaged[8]?.reason ?? "", "count");
  writeFileSync(path, whole);
  assert.is((await open()).current().count, 5, "control: the whole file is understood");
});

test("a file of a newer program is refused and left as it is", async () => {
  await (await open()).update(() => {});
  const newer = '{"version":3,"counts":[1]}';
  writeFileSync(path, newer);
  assert.is(await codeOf(open()), "FAILED");
  assert.is(readFileSync(path, "utf8"), newer);
  assert.equal(damaged, []);
});

test("a file that others can reach, or another's, is refused and left as it is", async () => {
  await (await open()).update((draft) => ++draft.count);
  chmodSync(path, 0o640);
  assert.is(await codeOf(open()), "PERMISSION");
  chmodSync(path, 0o600);
  chmodSync(join(path, ".."), 0o750);
  assert.is(await codeOf(open()), "PERMISSION");
  chmodSync(join(path, ".."), 0o700);
  assert.is(await codeOf(open()), "none");
  // Only root can give a file away; for others the directory is the foreign one.
  if (process.getuid?.() === 0) chownSync(path, 12_345, 12_345);
  const uid = process.getuid?.() === 0 ? 0 : 12_345;
  assert.is(await codeOf(open({ uid })), "PERMISSION");
  assert.equal(readdirSync(join(path, "..")), ["counted.json"]);
  assert.equal(damaged, []);
});

test("keys that a later program added are kept", async () => {
  await (await open()).update(() => {});
  writeFileSync(path, '{"version":2,"count":5,"byName":{},"later":{"a":[1]}}');
  await (await open()).update((draft) => ++draft.count);
  assert.equal(JSON.parse(readFileSync(path, "utf8")), {
    version: 2,
    count: 6,
    byName: {},
    later: { a: [1] },
  });
});

test.run();
