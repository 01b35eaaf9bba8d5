import { spawn } from "node:child_process";
import { systemClock } from "../../../internal/clock/clock.js";
import { resolveLoginPath } from "../../../internal/commands/login-path.js";
import { Fault } from "../../../internal/errs/errs.js";
import { createRun } from "../../../internal/service/manager.js";
import { daemonProgram } from "./program.js";

/** Somebody of this machine whom a service runs as. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Absolute home directory. */
  readonly home: string;
  /** Undefined when the user database has none. */
  readonly shell: string | undefined;
}

/** What a service has that runs as somebody and that no one else gives a PATH. */
const plainPath = "/usr/local/bin:/usr/bin:/bin";

/**
 * The account of `name`, as root finds it. Asked in a process of that user, so that it is also certain that the service
 * can run node and the daemon. Faults: USAGE for a name nobody has, FAILED when that user cannot run them.
 */
export async function accountOf(name: string): Promise<Account> {
  const [uid, gid] = [await idOf(name, "-u"), await idOf(name, "-g")];
  const run = createRun({ PATH: plainPath }, { uid, gid, cwd: "/" });
  const asked = await run(process.execPath, ["-p", "JSON.stringify(require('node:os').userInfo())"]);
  const program = daemonProgram();
  for (const [file, { code }] of [
    [process.execPath, asked],
    [program, await run(process.execPath, [program, "--version"])],
  ] as const) {
    if (code === 0) continue;
    throw new Fault("FAILED", `${name} cannot run ${file}`, {
      hint: `install it where ${name} may read it, and run this command with what is there`,
    });
  }
  const { homedir, shell } = JSON.parse(asked.stdout);
  return { name, uid, gid, home: homedir, shell: shell ?? undefined };
}

/** PATH of the user's login shell; that of any system when the shell does not tell. */
export async function loginPathOf({ name, uid, gid, home, shell }: Account): Promise<string> {
  const env = { HOME: home, USER: name, LOGNAME: name, SHELL: shell, PATH: plainPath };
  const { path } = await resolveLoginPath({
    shell,
    env,
    clock: systemClock,
    spawn: (file, args, options) => spawn(file, args, { ...options, uid, gid, cwd: "/" }),
  });
  return path;
}

async function idOf(name: string, flag: "-u" | "-g"): Promise<number> {
  const { code, stdout } = await createRun(process.env)("id", [flag, name]);
  if (code === 0) return Number(stdout);
  throw new Fault("USAGE", `there is no user ${name}`, { hint: "name one of this machine: --user NAME" });
}
