/** Real files under fault injection: each system call counts as a step, and chosen steps fail. */
import * as fs from "node:fs";
import { join } from "node:path";
import { systemClock } from "../clock/clock.js";
import { openRoot, type Root } from "../workspace/root.js";
import type { NewFile, WriteDir } from "../workspace/write.js";
import { type JournalFs, systemJournalFs } from "./journal-fs.js";
import { type Caller, createPatcher, type Patcher } from "./patcher.js";

/** `KILL`: from this step on nothing has any effect. `ENOSPC`: from here on nothing that needs space works. `EPERM`: from here on there are no hard links. Others: once. */
export type FaultKind = "KILL" | "ENOSPC" | "EPERM" | "EIO" | "EACCES";

export interface PlannedFault {
  /** The step that fails, from 1. */
  readonly at: number;
  readonly kind: FaultKind;
}

export interface Faults {
  /** The root, failing as planned. */
  wrap(root: Root): Root;
  readonly fs: JournalFs;
  /** Names of the steps so far. */
  readonly steps: readonly string[];
}

/** A root and the journal's file system, failing as planned. Nothing is synced: a test could not tell. `onStep` runs before each step. */
export function createFaults(
  planned: readonly PlannedFault[],
  onStep: (step: number) => void = () => {},
): Faults {
  const steps: string[] = [];
  let dead = false;
  let full = false;
  let linkless = false;

  function step<T>(name: string, run: () => T): T {
    steps.push(name);
    onStep(steps.length);
    const kind = planned.find(({ at }) => at === steps.length)?.kind;
    dead ||= kind === "KILL";
    full ||= kind === "ENOSPC";
    linkless ||= kind === "EPERM";
    if (dead) throw Object.assign(new Error(`killed before ${name}`), { code: "EIO" });
    if (full && needsSpace.has(name)) throw Object.assign(new Error(name), { code: "ENOSPC" });
    if (linkless && name === "link") throw Object.assign(new Error(name), { code: "EPERM" });
    if (kind === "EIO" || kind === "EACCES") throw Object.assign(new Error(name), { code: kind });
    return run();
  }

  function wrapFile(file: NewFile): NewFile {
    return {
      write: async (bytes) => {
        // Half of it is there when the disk is full or the process ends.
        await file.write(bytes.subarray(0, bytes.length >> 1));
        await step("write", () => file.write(bytes.subarray(bytes.length >> 1)));
      },
      setAccess: (access) => step("setAccess", () => file.setAccess(access)),
      sync: async () => step("sync", () => undefined),
      close: () => file.close(),
    };
  }

  function wrapDir(dir: WriteDir): WriteDir {
    return {
      path: dir.path,
      isInPlace: () => step("isInPlace", () => dir.isInPlace()),
      lstat: (name) => step("lstat", () => dir.lstat(name)),
      openFile: (name) => step("openFile", () => dir.openFile(name)),
      openDir: (name) => wrapDir(step("openDir", () => dir.openDir(name))),
      create: (name) => wrapFile(step("create", () => dir.create(name))),
      link: (from, to) => step("link", () => dir.link(from, to)),
      rename: (from, to) => step("rename", () => dir.rename(from, to)),
      unlink: (name) => step("unlink", () => dir.unlink(name)),
      mkdir: (name) => step("mkdir", () => dir.mkdir(name)),
      rmdir: (name) => step("rmdir", () => dir.rmdir(name)),
      sync: async () => step("syncDir", () => undefined),
      close: () => dir.close(),
    };
  }

  return {
    steps,
    wrap: (root) => ({
      ...root,
      openPlace(path) {
        const place = step("openPlace", () => root.openPlace(path));
        return { ...place, dir: wrapDir(place.dir) };
      },
    }),
    fs: {
      async write(path, parts) {
        step("journal create", () => fs.writeFileSync(path, parts[0]?.subarray(0, 7) ?? ""));
        step("journal write", () => fs.writeFileSync(path, Buffer.concat(parts)));
      },
      read: async (...args) => step("journal read", () => systemJournalFs.read(...args)),
      sync: async () => step("journal sync", () => undefined),
      rename: async (...args) => step("journal rename", () => systemJournalFs.rename(...args)),
      unlink: async (...args) => step("journal unlink", () => systemJournalFs.unlink(...args)),
      list: async (...args) => step("journal list", () => systemJournalFs.list(...args)),
    },
  };
}

const needsSpace: ReadonlySet<string> = new Set([
  "create",
  "write",
  "link",
  "mkdir",
  "journal create",
  "journal write",
]);

/** A folder with a workspace and a state directory in it. */
export interface Bench {
  readonly workspace: string;
  readonly state: string;
}

export function makeBench(base: string): Bench {
  const home = fs.mkdtempSync(join(base, "b-"));
  const bench = { workspace: join(home, "ws"), state: join(home, "state") };
  fs.mkdirSync(bench.workspace);
  fs.mkdirSync(bench.state, { mode: 0o700 });
  return bench;
}

export function removeBench({ workspace }: Bench): void {
  fs.rmSync(join(workspace, ".."), { recursive: true, force: true });
}

/** A patcher on the state directory; what it opens and its journal can be made to fail. */
export function patcherOn(
  { state }: Bench,
  faulty: { fs?: JournalFs; wrap?: (root: Root) => Root } = {},
): Patcher {
  const { fs: journalFs, wrap = (root) => root } = faulty;
  return createPatcher({
    stateDir: state,
    uid: process.getuid?.() ?? 0,
    clock: systemClock,
    openRoot: (path) => wrap(openRoot(path)),
    ...(journalFs && { fs: journalFs }),
  });
}

export function callerOn(root: Root): Caller {
  return {
    workspace: { id: "w", path: root.path, profile: "full", root },
    signal: new AbortController().signal,
  };
}

/** What is in a folder: for each file its permission bits and content, for each directory "dir". */
export type Tree = Readonly<Record<string, string>>;

export function readTree(folder: string): Tree {
  const tree: Record<string, string> = {};
  for (const name of (fs.readdirSync(folder, { recursive: true }) as string[]).sort()) {
    const stat = fs.lstatSync(join(folder, name));
    tree[name] = stat.isDirectory()
      ? "dir"
      : `${(stat.mode & 0o7777).toString(8)} ${fs.readFileSync(join(folder, name), "latin1")}`;
  }
  return tree;
}

export function writeTree(folder: string, tree: Tree): void {
  for (const [name, text] of Object.entries(tree)) {
    const path = join(folder, name);
    if (text === "dir") {
      fs.mkdirSync(path, { recursive: true });
      continue;
    }
    fs.mkdirSync(join(path, ".."), { recursive: true });
    fs.writeFileSync(path, Buffer.from(text.slice(text.indexOf(" ") + 1), "latin1"));
    fs.chmodSync(path, Number.parseInt(text, 8));
  }
}
