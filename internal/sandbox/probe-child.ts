/**
 * The program that tries what the sandbox must refuse, from inside: its source on standard input, a ProbePlan in the
 * environment, an array of Probe on standard output. It imports nothing but node, since it runs without its files.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { connect, type NetConnectOpts } from "node:net";
import { join } from "node:path";

/** Kept in step with Probe: a type costs nothing at run time. */
type Outcome = Pick<import("./types.js").Probe, "outcome" | "detail">;

export interface ProbePlan {
  /** Exist outside. */
  readonly hidden: readonly string[];
  /** A directory that can be read but not written. */
  readonly readable: string;
  /** A repository in the workspace. */
  readonly repository: string;
  /** Answer outside. */
  readonly port: number;
  readonly socket: string;
  readonly abstractSocket: string;
  readonly daemon: { readonly pid: number; readonly startTime: string };
  /** Names of the variables that were given. */
  readonly environment: readonly string[];
  /** Absolute; tries to make a user namespace. */
  readonly bwrap: string | undefined;
}

const missing = ["ENOENT", "ENOTDIR", "EACCES", "EPERM"];
const plan = JSON.parse(process.env.CTMCP_PROBES ?? "") as ProbePlan;

/** What a shell or bwrap sets by itself. */
const ordinary = ["PWD", "OLDPWD", "SHLVL", "_", "PATH", "CTMCP_PROBES", "__CF_USER_TEXT_ENCODING"];

function attempt(act: () => void, refusals: readonly string[]): Outcome {
  try {
    act();
    return { outcome: "open", detail: "it succeeded" };
  } catch (error) {
    return judge(error, refusals);
  }
}

/** Only a refusal holds; anything else, a timeout above all, proves nothing. */
function judge(error: unknown, refusals: readonly string[]): Outcome {
  const { code = String(error) } = error as { code?: string };
  return { outcome: refusals.includes(code) ? "held" : "error", detail: code };
}

/** The worst of several. */
function all(outcomes: readonly Outcome[]): Outcome {
  const worst = outcomes.find(({ outcome }) => outcome === "open") ?? outcomes.find(isError);
  return worst ?? outcomes[0] ?? { outcome: "error", detail: "there was nothing to try" };
}

function isError({ outcome }: Outcome): boolean {
  return outcome === "error";
}

function reach(to: NetConnectOpts): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect(to);
    socket.once("connect", () => {
      socket.destroy();
      resolve({ outcome: "open", detail: "it answered" });
    });
    socket.once("error", (error) => {
      resolve(judge(error, ["ECONNREFUSED", "ENETUNREACH", "ENOENT", "EACCES", "EPERM"]));
    });
    socket.setTimeout(3000, () => resolve({ outcome: "error", detail: "timeout" }));
  });
}

function environment(): Outcome {
  const names = [...Object.keys(process.env), ...namesOf("/proc/1/environ")];
  const foreign = names.filter((name) => ![...ordinary, ...plan.environment].includes(name));
  return foreign.length > 0
    ? { outcome: "open", detail: [...new Set(foreign)].join(", ") }
    : { outcome: "held", detail: "only what was given" };
}

function namesOf(path: string): string[] {
  try {
    const entries = readFileSync(path, "utf8").split("\0");
    return entries.filter((entry) => entry !== "").map((entry) => entry.slice(0, entry.indexOf("=")));
  } catch {
    return [];
  }
}

function reachDaemon(): Outcome {
  const { pid, startTime } = plan.daemon;
  const outcome = all([
    attempt(() => process.kill(pid, 0), ["ESRCH", "EPERM"]),
    attempt(() => readFileSync(`/proc/${pid}/cmdline`), missing),
  ]);
  // A process of the sandbox may bear the same number.
  const isOther =
    outcome.outcome === "open" &&
    process.platform === "linux" &&
    readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[21] !== startTime;
  return isOther ? { outcome: "held", detail: "another process" } : outcome;
}

function changeRepository(): Outcome {
  const { repository } = plan;
  const refusals = ["EBUSY", "EROFS", "EACCES", "EPERM"];
  return all([
    attempt(() => renameSync(repository, `${repository}-away`), refusals),
    attempt(() => writeFileSync(join(repository, "hooks/pre-commit"), ""), refusals),
    ...["config", "config.worktree"].map((name) =>
      attempt(() => appendFileSync(join(repository, name), "\n"), refusals),
    ),
  ]);
}

function userNamespace(bwrap: string): Outcome {
  const { status, stderr, error } = spawnSync(bwrap, ["--unshare-user", "--ro-bind", "/", "/", "/bin/true"]);
  if (status === 0) return { outcome: "open", detail: "it was made" };
  const text = String(error ?? stderr).trim();
  return { outcome: /namespace|not permitted/i.test(text) ? "held" : "error", detail: text };
}

/** A field of the kernel's own account of this process. */
function statusField(name: string): string {
  return new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
}

function privileges(): Outcome {
  const fields = ["CapEff", "CapPrm", "CapBnd", "CapAmb"].map(statusField);
  const none = fields.every((field) => /^0+$/.test(field)) && statusField("NoNewPrivs") === "1";
  return { outcome: none ? "held" : "open", detail: `capabilities ${fields[0]}, bounded by ${fields[2]}` };
}

function filter(): Outcome {
  const mode = statusField("Seccomp");
  return { outcome: mode === "2" ? "held" : "open", detail: `mode ${mode}` };
}

const results: Record<string, Outcome> = {
  "hidden files": all(plan.hidden.map((path) => attempt(() => readFileSync(path), missing))),
  "read-only files": attempt(
    () => writeFileSync(join(plan.readable, "written"), ""),
    ["EROFS", "EACCES", "EPERM"],
  ),
  "git hooks and configuration": changeRepository(),
  environment: environment(),
  "daemon's process": reachDaemon(),
  "daemon's port": await reach({ host: "127.0.0.1", port: plan.port }),
  "socket by path": await reach({ path: plan.socket }),
};
if (process.platform === "linux") {
  results["abstract socket"] = await reach({ path: plan.abstractSocket });
  results.privileges = privileges();
  results["system call filter"] = filter();
  if (plan.bwrap !== undefined) results["user namespace"] = userNamespace(plan.bwrap);
}
process.stdout.write(JSON.stringify(Object.entries(results).map(([name, result]) => ({ name, ...result }))));
