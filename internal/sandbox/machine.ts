import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../errs/errs.js";
import { systemProgram } from "../fsx/system-program.js";
import type { Backend } from "./backend.js";
import { bareBackend } from "./bare.js";
import { darwinBackend } from "./darwin.js";
import { filters } from "./filters.js";
import { systemHost } from "./host.js";
import { linuxBackend } from "./linux.js";

/** Absolute paths of what the sandbox is made with; undefined: not installed. */
export interface Programs {
  readonly bash: string | undefined;
  readonly mkfifo: string | undefined;
  readonly bwrap: string | undefined;
  readonly nsenter: string | undefined;
  readonly sandboxExec: string | undefined;
}

/** Looks in the system's own places only: what confines commands must not come from where commands can write. */
export function findPrograms(): Programs {
  return {
    bash: systemProgram("bash"),
    mkfifo: systemProgram("mkfifo"),
    bwrap: systemProgram("bwrap"),
    nsenter: systemProgram("nsenter"),
    sandboxExec: systemProgram("sandbox-exec"),
  };
}

export interface MachineOptions {
  readonly programs: Programs;
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  readonly uid: number;
  readonly homeDirectory: string;
  /** Holds the system call filter. */
  readonly directory: string;
}

export interface Machine {
  /** Best first; which of them works is found by trying. */
  readonly confining: readonly Backend[];
  /** For an owner who does without. */
  readonly bare: Backend;
  /** What is missing for a strong sandbox, and how to get it; undefined: nothing that can be told beforehand. */
  readonly lacks: string | undefined;
}

/** What this machine may confine commands with. */
export function inspectMachine(options: MachineOptions): Machine {
  const { programs, platform, arch, uid, homeDirectory, directory } = options;
  const { bwrap, nsenter, sandboxExec, bash = "/bin/bash" } = programs;
  const bare = bareBackend(bash);
  const host = systemHost;
  if (platform === "darwin" && sandboxExec !== undefined) {
    return {
      confining: [darwinBackend({ sandboxExec, bash, homeDirectory, host })],
      bare,
      lacks: undefined,
    };
  }
  if (platform !== "linux" || bwrap === undefined) {
    const lacks =
      platform === "linux"
        ? "bubblewrap is not installed: sudo apt install bubblewrap, or what your distribution calls it"
        : `there is no sandbox for ${platform}`;
    return { confining: [], bare, lacks };
  }
  const filter = writeFilter(arch, directory);
  const root = uid === 0;
  const withHolders = (holders: boolean): Backend =>
    linuxBackend({ bwrap, nsenter, filter, homeDirectory, root, holders, host });
  return {
    // The second is for systems that let bubblewrap make namespaces, but not what runs inside of it.
    confining: [withHolders(true), withHolders(false)],
    bare,
    lacks: filter === undefined ? `there is no system call filter for ${arch}` : undefined,
  };
}

/** Undefined when there is none for this architecture. */
function writeFilter(arch: string, directory: string): string | undefined {
  const filter = filters[arch];
  if (filter === undefined) return undefined;
  const path = join(directory, "filter");
  writeFileSync(path, Buffer.from(filter, "base64"));
  return path;
}

/**
 * A directory of our own in `parent`, which is made private when missing. Directories there of processes that are gone,
 * which were killed before they could remove them, are removed.
 */
export function makeDirectory(parent: string): string {
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(parent)) {
    const owner = /^sandbox-(\d+)-/.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner)))
      rmSync(join(parent, name), { recursive: true, force: true });
  }
  return mkdtempSync(join(parent, `sandbox-${process.pid}-`));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}
