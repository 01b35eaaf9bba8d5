import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import { basename, dirname } from "node:path";
import { errnoOf, Fault } from "../errs/errs.js";

/** Held until `release`, or until the process ends. */
export interface Lock {
  release(): void;
}

/**
 * Takes the lock `path` for this process, or throws ALREADY_RUNNING naming the pid that holds it, and `whose` if that says
 * more, as in "on the state in /x". The lock of a process that ended is taken over; of several that try at once exactly one gets it.
 *
 * A lock is a symbolic link `<path>.<n>` whose text names its owner: made in one step, only if the name is free, and
 * never half written. Whoever is alive under the highest number holds the lock. A dead owner's link is not deleted
 * and made again, for two processes doing so would delete each other's: it is outnumbered, which only one can do.
 */
export function takeLock(path: string, whose = ""): Lock {
  const owner = `${process.pid}@${startOf(process.pid) ?? "unknown"}`;
  for (;;) {
    const highest = numbers(path).at(-1) ?? 0;
    if (highest > 0) refuseIfHeld(`${path}.${highest}`, whose);
    const mine = highest + 1;
    if (!tryLink(owner, `${path}.${mine}`)) continue;
    const now = numbers(path);
    if (now.at(-1) !== mine) {
      // The list was old: a higher number was taken meanwhile, after ours had been cleared away.
      remove(`${path}.${mine}`);
      continue;
    }
    for (const n of now) if (n < mine) remove(`${path}.${n}`);
    return { release: () => remove(`${path}.${mine}`) };
  }
}

function numbers(path: string): number[] {
  const prefix = `${basename(path)}.`;
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(prefix) && /^[1-9]\d{0,14}$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b);
}

function refuseIfHeld(link: string, whose: string): void {
  const owner = readOwner(link);
  if (owner === undefined) return;
  const pid = Number.parseInt(owner, 10);
  const start = startOf(pid);
  if (start === undefined || owner !== `${pid}@${start}`) return;
  throw new Fault("ALREADY_RUNNING", `a daemon is already running as pid ${pid}${whose && ` ${whose}`}`, {
    hint: `stop it first: kill ${pid}`,
    details: { pid },
  });
}

function readOwner(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function tryLink(text: string, path: string): boolean {
  try {
    symlinkSync(text, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}

/**
 * When the living process `pid` started, in a form that is stable while it lives; undefined when it does not run.
 * A pid alone would not do: it comes back after a reboot, and in a container at once.
 */
function startOf(pid: number): string | undefined {
  return process.platform === "linux" ? startOnLinux(pid) : startByPs(pid);
}

/** proc(5): field 22 of /proc/PID/stat, in clock ticks; the name in field 2 may hold spaces and brackets. */
function startOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie only waits for its parent to take note.
    return state === "Z" || state === "X" ? undefined : rest[18];
  } catch {
    return undefined;
  }
}

/** For systems without /proc. The options are POSIX; it was not run on macOS. */
function startByPs(pid: number): string | undefined {
  const env = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
  const found = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], {
    env,
    encoding: "utf8",
    timeout: 5_000,
  });
  return found.stdout?.trim().replace(/\s+/g, "_") || undefined;
}
