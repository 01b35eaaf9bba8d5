import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../test/support/clock.js";
import { fingerprint, watchFile } from "./watch.js";

/** Watches config/app.yaml, a link to a link to dots/app.yaml, in time that the test lets pass. */
function withWatch(run: (watched: { path: string; told: (save: () => void) => number }) => void): void {
  const dir = mkdtempSync(join(tmpdir(), "watch-"));
  for (const name of ["real", "dots"]) mkdirSync(join(dir, name));
  const path = join(dir, "config", "app.yaml");
  symlinkSync("real", join(dir, "config"));
  symlinkSync("../current/app.yaml", path);
  symlinkSync("dots", join(dir, "current"));
  writeFileSync(path, "first");
  const clock = createTestClock();
  let count = 0;
  const stop = watchFile({ path, clock, since: fingerprint(path), onChange: () => count++ });
  try {
    run({
      path,
      /** How often a save was told in the second after it. */
      told(save) {
        const before = count;
        save();
        clock.advance(1_000);
        return count - before;
      },
    });
    stop();
    assert.is(clock.pending(), 0);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Each saves the file in another way than the one before, and with another size: time stamps are coarse. */
const saves: Readonly<Record<string, (path: string) => void>> = {
  "through the links": (path) => writeFileSync(path, "second"),
  "of the link's target by rename"(path) {
    const dots = join(dirname(path), "..", "dots");
    writeFileSync(join(dots, "new"), "third");
    renameSync(join(dots, "new"), join(dots, "app.yaml"));
  },
  "by a link in the middle that points elsewhere"(path) {
    const dir = join(dirname(path), "..");
    mkdirSync(join(dir, "dots2"));
    writeFileSync(join(dir, "dots2", "app.yaml"), "fourth");
    symlinkSync("dots2", join(dir, "next"));
    renameSync(join(dir, "next"), join(dir, "current"));
  },
  "by a file in the link's place"(path) {
    writeFileSync(`${path}.new`, "fifth");
    renameSync(`${path}.new`, path);
  },
  "in place": (path) => writeFileSync(path, "the sixth"),
  "by unlink and create"(path) {
    unlinkSync(path);
    writeFileSync(path, "seventh");
  },
  "by another folder in the folder's place"(path) {
    const real = join(dirname(path), "..", "real");
    renameSync(real, `${real}.old`);
    mkdirSync(real);
    writeFileSync(join(real, "app.yaml"), "the eighth");
  },
  "of its permissions": (path) => chmodSync(path, 0o600),
  "by removing it": (path) => unlinkSync(path),
  "by making it again": (path) => writeFileSync(path, "ninth"),
};

test("every way of saving a file is told, once", () => {
  withWatch(({ path, told }) => {
    for (const [way, save] of Object.entries(saves))
      assert.is(
        told(() => save(path)),
        1,
        way,
      );
    assert.is(
      told(() => {}),
      0,
    );
  });
});

test("a save in steps is told when it is over", () => {
  const dir = mkdtempSync(join(tmpdir(), "watch-"));
  const path = join(dir, "app.yaml");
  writeFileSync(path, "first");
  const clock = createTestClock();
  const told: string[] = [];
  const stop = watchFile({
    path,
    clock,
    since: fingerprint(path),
    onChange: () => told.push(fingerprint(path)),
  });
  for (const text of ["", "sec", "second"]) {
    writeFileSync(path, text);
    clock.advance(300);
  }
  assert.equal(told, []);
  clock.advance(300);
  assert.equal(told, [fingerprint(path)]);
  stop();
  rmSync(dir, { recursive: true });
});

test("a save between reading the file and watching it is told", () => {
  withWatch(({ path }) => {
    const since = fingerprint(path);
    writeFileSync(path, "changed meanwhile");
    const clock = createTestClock();
    let count = 0;
    const stop = watchFile({ path, clock, since, onChange: () => count++ });
    clock.advance(1_000);
    stop();
    assert.is(count, 1);
  });
});

test.run();
