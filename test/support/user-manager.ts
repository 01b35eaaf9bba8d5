import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `systemd --user` in namespaces of its own: its mounts, processes and units are gone with it. */
export interface UserManager {
  /** Runs a program inside, with HOME in the manager's place. */
  run(file: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
  systemctl(...args: readonly string[]): Promise<Ran>;
  /** One property of the service. */
  show(property: string): Promise<string>;
  /** Waits until a property of the service is as wanted; the file's time limit ends what never comes. */
  until(property: string, wanted: (value: string) => boolean): Promise<string>;
  close(): Promise<void>;
}

const unit = "coding-tools-mcp.service";
const runtimeDir = "/run/user/0";

/** What makes namespaces a place where `systemd --user` starts; it then lasts as long as standard input. */
const setUp = `set -e
mount --make-rprivate /
# One /proc, as on a machine: below another one the old would still be there for whoever looks for a whole one.
umount -l /proc
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"
cgroup=$(mount | sed -n 's/^cgroup on \\([^ ]*\\) .*name=systemd.*/\\1/p' | head -n 1)
[ -n "$cgroup" ] || cgroup=$(mount | sed -n 's/^cgroup2 on \\([^ ]*\\) .*/\\1/p' | head -n 1)
mkdir "$cgroup/$CGROUP_NAME"
echo $$ > "$cgroup/$CGROUP_NAME/cgroup.procs"
dbus-daemon --session --address="$DBUS_SESSION_BUS_ADDRESS" --fork --nopidfile
/lib/systemd/systemd --user >&2 &
until systemctl --user show --property=Version >&2; do sleep 0.05; done
until [ "$(systemctl --user is-system-running)" = running ]; do sleep 0.05; done
echo there
exec cat`;

/** Starts one with its home at `home`. As root on Linux, with systemd and dbus. */
export async function startUserManager(home: string): Promise<UserManager> {
  const environment = {
    PATH: process.env.PATH ?? "",
    HOME: home,
    LC_ALL: "C",
    XDG_RUNTIME_DIR: runtimeDir,
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtimeDir}/bus`,
    CGROUP_NAME: `ctmcp-test-${randomUUID()}`,
  };
  const script = join(home, "user-manager.sh");
  writeFileSync(script, setUp);
  const holder = spawn("unshare", ["-mpf", "--kill-child", "sh", script], {
    env: environment,
    stdio: "pipe",
  });
  const pid = await leaderOf(holder);

  function run(file: string, args: readonly string[], env = {}): Promise<Ran> {
    const enter = ["-t", String(pid), "-m", "-p", "--", file, ...args];
    return new Promise((resolve) => {
      execFile("nsenter", enter, { env: { ...environment, ...env }, cwd: "/" }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : null;
        resolve({ code, stdout, stderr });
      });
    });
  }
  const systemctl = (...args: readonly string[]): Promise<Ran> => run("systemctl", ["--user", ...args]);
  async function show(property: string): Promise<string> {
    return (await systemctl("show", unit, `--property=${property}`, "--value")).stdout.trim();
  }

  return {
    run,
    systemctl,
    show,
    async until(property, wanted) {
      for (;;) {
        const value = await show(property);
        if (wanted(value)) return value;
      }
    },
    async close() {
      holder.kill("SIGKILL");
      await (holder.exitCode ?? holder.signalCode ?? once(holder, "exit"));
      for (const tree of cgroupTrees) await removeCgroup(join(tree, environment.CGROUP_NAME));
    },
  };
}

/** Where version 1 and version 2 of control groups are mounted. */
const cgroupTrees = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup"];

/** Removes a group with those in it, as soon as the last process has left. */
async function removeCgroup(path: string): Promise<void> {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) await removeCgroup(join(path, entry.name));
  while (existsSync(path)) {
    try {
      rmdirSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
      await setTimeout(20);
    }
  }
}

/** The process on whose namespaces the manager stands, once it has started. */
async function leaderOf(holder: ChildProcess): Promise<number> {
  let output = "";
  let answered = "";
  holder.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  holder.stdout?.setEncoding("utf8").on("data", (text: string) => {
    answered += text;
  });
  const ended = once(holder, "close");
  while (!answered.includes("there")) {
    const more = once(holder.stdout ?? holder, "data");
    if ((await Promise.race([more, ended.then(() => "ended")])) === "ended") {
      throw new Error(`this test runs a systemd of its own: Linux, root, systemd and dbus: ${output}`);
    }
  }
  const { stdout } = await new Promise<{ stdout: string }>((resolve) =>
    execFile("pgrep", ["-P", String(holder.pid)], (_error, out) => resolve({ stdout: out })),
  );
  return Number(stdout.trim().split("\n")[0]);
}
