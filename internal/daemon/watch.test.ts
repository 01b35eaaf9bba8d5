import { EventEmitter, once } from "node:events";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { watch } from "chokidar";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../test/support/clock.js";
import { type Clock, systemClock } from "../clock/clock.js";
import { fingerprint, type WatchOptions, watchFile } from "./watch.js";

/** The machine's clock, but its timers keep the process alive. */
const clock: Clock = {
  ...systemClock,
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

interface Watched {
  readonly path: string;
  /** What each telling found. */
  readonly told: string[];
  /** Resolves when something is told after `act`. */
  telling(act: () => void): Promise<unknown>;
}

/** Watches config/app.yaml, a link to a link to dots/app.yaml, below a linked folder. */
async function withWatch(
  options: Partial<WatchOptions>,
  run: (watched: Watched) => Promise<void>,
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "watch-"));
  for (const name of ["real", "dots"]) mkdirSync(join(dir, name));
  const path = join(dir, "config", "app.yaml");
  symlinkSync("real", join(dir, "config"));
  symlinkSync("../current/app.yaml", path);
  symlinkSync("dots", join(dir, "current"));
  writeFileSync(path, "first");
  const told: string[] = [];
  const teller = new EventEmitter();
  const onChange = (): void => {
    told.push(fingerprint(path));
    teller.emit("told");
  };
  const stop = watchFile({ path, clock, since: fingerprint(path), onChange, ...options });
  const telling = (act: () => void): Promise<unknown> => {
    const next = once(teller, "told");
    act();
    return next;
  };
  try {
    await run({ path, told, telling });
  } finally {
    stop();
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
  "by another folder's link in the folder's link's place"(path) {
    const next = join(dirname(path), "..", "real2");
    mkdirSync(next);
    writeFileSync(join(next, "app.yaml"), "at another place");
    symlinkSync("real2", `${next}.link`);
    renameSync(`${next}.link`, dirname(path));
  },
  "in the folder that is linked now": (path) => writeFileSync(path, "at another place again"),
  "by ..data that points elsewhere"(path) {
    const dir = dirname(path);
    symlinkSync("..1", join(dir, "..data"));
    mkdirSync(join(dir, "..1"));
    writeFileSync(join(dir, "..1", "app.yaml"), "projected");
    symlinkSync("..data/app.yaml", `${path}.link`);
    renameSync(`${path}.link`, path);
  },
  "by the next ..data, without the old one"(path) {
    const dir = dirname(path);
    mkdirSync(join(dir, "..2"));
    writeFileSync(join(dir, "..2", "app.yaml"), "projected again");
    symlinkSync("..2", join(dir, "..data_tmp"));
    renameSync(join(dir, "..data_tmp"), join(dir, "..data"));
    rmSync(join(dir, "..1"), { recursive: true });
  },
  "by moving the folder away": (path) => renameSync(join(dirname(path), "..2"), join(dirname(path), "..3")),
  "by moving it back": (path) => renameSync(join(dirname(path), "..3"), join(dirname(path), "..2")),
  "in the folder that is back": (path) => writeFileSync(path, "once more"),
  "by giving it another name": (path) =>
    linkSync(realpathSync(path), join(dirname(path), "..", "other.yaml")),
  "by its other name": (path) => writeFileSync(join(dirname(path), "..", "other.yaml"), "by another name"),
  "of its permissions": (path) => chmodSync(path, 0o600),
  "by removing it": (path) => unlinkSync(path),
  "by making it again": (path) => writeFileSync(path, "ninth"),
};

test("every way of saving a file is told, once", async () => {
  await withWatch({}, async ({ path, told, telling }) => {
    for (const [way, save] of Object.entries(saves)) {
      await telling(() => save(path));
      assert.is(told.at(-1), fingerprint(path), way);
    }
    assert.is(told.length, Object.keys(saves).length);
  });
});

test("a save in steps is told when it is over", async () => {
  const testClock = createTestClock();
  const timers = new EventEmitter();
  const watching: Clock = {
    ...testClock,
    after(ms, run) {
      timers.emit("set");
      return testClock.after(ms, run);
    },
  };
  const setting = async (act: () => void): Promise<void> => {
    const next = once(timers, "set");
    act();
    await next;
  };
  await withWatch({ clock: watching, since: "never told" }, async ({ path, told }) => {
    const rest = async (): Promise<void> => {
      for (const before = told.length; told.length === before; await setImmediate()) testClock.advance(50);
    };
    await rest();
    for (const text of ["", "sec", "second"]) {
      // An event comes, then the look that it asks for.
      await setting(() => writeFileSync(path, text));
      await setting(() => testClock.advance(160));
      testClock.advance(140);
    }
    assert.is(told.length, 1);
    await rest();
    assert.is(told[1], fingerprint(path));
  });
  assert.is(testClock.pending(), 0);
});

test("a save between reading the file and watching it is told", async () => {
  await withWatch({ since: "what it was when it was read" }, async ({ path, told, telling }) => {
    await telling(() => {});
    assert.equal(told, [fingerprint(path)]);
  });
});

test("a folder that was away for a moment is watched again", async () => {
  const events = new EventEmitter();
  const listened: WatchOptions["chokidar"] = async () => ({
    watch(folders, options) {
      const watcher = watch(folders, options);
      for (const name of ["ready", "unlinkDir"] as const) watcher.on(name, () => events.emit(name));
      return watcher;
    },
  });
  const options = { chokidar: listened, since: "what it was when it was read" };
  await withWatch(options, async ({ path, told, telling }) => {
    const real = join(dirname(path), "..", "real");
    await telling(() => {});
    const gone = once(events, "unlinkDir");
    renameSync(real, `${real}.away`);
    await gone;
    renameSync(`${real}.away`, real);
    await once(events, "ready");
    await telling(() => writeFileSync(path, "second"));
    assert.is(told.at(-1), fingerprint(path));
  });
});

test("where the system refuses to watch, a save is still told", async () => {
  let refused = 0;
  const refusing: WatchOptions["chokidar"] = async () => ({
    watch(_folders, options) {
      refused++;
      const watcher = watch([], options);
      queueMicrotask(() => watcher.emit("error", new Error("ENOSPC")));
      return watcher;
    },
  });
  await withWatch({ chokidar: refusing }, async ({ path, told, telling }) => {
    for (const text of ["second", "the third"]) {
      await telling(() => writeFileSync(path, text));
      assert.is(told.at(-1), fingerprint(path));
    }
    assert.ok(refused > 0);
  });
});

test.run();
