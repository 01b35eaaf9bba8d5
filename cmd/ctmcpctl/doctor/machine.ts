import { execFile } from "node:child_process";
import { createServer } from "node:net";
import type { Config, TunnelConfig } from "../../../internal/config/config.js";
import { brief } from "../../../internal/errs/brief.js";
import { errnoOf, messageOf } from "../../../internal/errs/errs.js";
import { findPrograms } from "../../../internal/sandbox/machine.js";
import { findRipgrep } from "../../../internal/search/ripgrep.js";
import { findProgram } from "../../../internal/tunnel/find-program.js";
import { fail, ok, type Row, warn } from "./row.js";

export interface MachineDeps {
  /** Where programs are looked for, in the form of PATH. */
  readonly path: string;
  readonly uid: number;
  readonly signal: AbortSignal;
}

interface Wanted {
  readonly name: string;
  /** What makes it tell its version; empty: it is not run. */
  readonly args: readonly string[];
}

/** The programs that the daemon runs, and which versions of them. */
export async function checkPrograms(
  deps: MachineDeps,
  tunnel: TunnelConfig | undefined,
): Promise<readonly Row[]> {
  const rows = await Promise.all([
    checkGit(deps),
    checkSandboxProgram(deps),
    checkRipgrep(deps),
    checkTerminal(),
    checkTunnelProgram(deps, tunnel),
  ]);
  return [ok("node", `node: ${process.version} at ${process.execPath}`), ...rows.flat()];
}

async function checkGit(deps: MachineDeps): Promise<Row> {
  const file = await findProgram("git", deps.path);
  if (file === undefined)
    return warn("git", `git: not found in ${deps.path}`, "install it for the git tools");
  return ok("git", await describe(file, ["--version"], deps));
}

async function checkSandboxProgram(deps: MachineDeps): Promise<readonly Row[]> {
  const { bwrap, sandboxExec } = findPrograms();
  if (process.platform === "darwin")
    return sandboxExec === undefined ? [] : [ok("sandbox-exec", `sandbox-exec: ${sandboxExec}`)];
  if (bwrap !== undefined) return [ok("bwrap", await describe(bwrap, ["--version"], deps))];
  return [warn("bwrap", "bwrap: not found", "commands are confined with it: sudo apt install bubblewrap")];
}

async function checkRipgrep(deps: MachineDeps): Promise<Row> {
  const program = findRipgrep({ searchPath: deps.path });
  if (program !== undefined) return ok("rg", await describe(program.path, ["--version"], deps));
  return fail(
    "rg",
    "rg: not found, so nothing can be searched",
    "install ripgrep, or this package once more",
  );
}

async function checkTerminal(): Promise<Row> {
  try {
    await import("node-pty");
    return ok("node-pty", "node-pty: commands can have a terminal");
  } catch (error) {
    const text = `node-pty: commands cannot have a terminal: ${brief(messageOf(error).split("\n", 1)[0] ?? "")}`;
    return warn("node-pty", text, "run: npm rebuild node-pty --allow-scripts=node-pty");
  }
}

async function checkTunnelProgram(
  deps: MachineDeps,
  tunnel: TunnelConfig | undefined,
): Promise<readonly Row[]> {
  const wanted = tunnel && programOf(tunnel);
  if (wanted === undefined) return [];
  const { name, args } = wanted;
  const file = await findProgram(name, deps.path);
  if (file !== undefined) {
    const text = args.length === 0 ? `${name}: ${file}` : await describe(file, args, deps);
    return [ok("tunnel-program", text)];
  }
  const hint = "install it, or name it in tunnel.program";
  return [fail("tunnel-program", `${name}: the tunnel's program is not found in ${deps.path}`, hint)];
}

function programOf(tunnel: TunnelConfig): Wanted | undefined {
  switch (tunnel.provider) {
    case "none":
      return undefined;
    case "command":
      return { name: tunnel.argv[0], args: [] };
    case "ssh":
      return { name: tunnel.program ?? "ssh", args: ["-V"] };
    case "ngrok":
      return { name: tunnel.program ?? "ngrok", args: ["version"] };
    case "openai":
      return { name: tunnel.program ?? "tunnel-client", args: ["--version"] };
    default:
      return { name: tunnel.program ?? tunnel.provider, args: ["--version"] };
  }
}

/** Who has the port that the daemon wants, when no daemon runs. */
export async function checkPort(
  { host, port }: Config["listen"],
  { path, signal }: MachineDeps,
): Promise<readonly Row[]> {
  if (port === 0) return [];
  const where = `${host}:${port}`;
  const error = await tryToListen(host, port);
  if (error === undefined) return [ok("port", `port: ${where} is free`)];
  if (errnoOf(error) !== "EADDRINUSE")
    return [fail("port", `port: cannot listen on ${where}: ${messageOf(error)}`, "change listen")];
  // Both name processes of other users to root only. lsof is for macOS, where this has not been run.
  const ss = await findProgram("ss", path);
  const lsof = ss === undefined ? await findProgram("lsof", path) : undefined;
  const told =
    ss !== undefined
      ? await output(ss, ["-ltnpH", `sport = :${port}`], signal)
      : lsof !== undefined
        ? await output(lsof, ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"], signal)
        : "";
  const [, program, pid] = /"([^"]+)",pid=(\d+)/.exec(told) ?? [];
  const [, lsofPid, lsofProgram] = /^p(\d+)\nc(.*)$/m.exec(told) ?? [];
  const holder = program ?? lsofProgram;
  const by = holder === undefined ? "another process" : `${holder}, pid ${pid ?? lsofPid}`;
  return [fail("port", `port: ${where} is held by ${by}`, "stop it, or change listen")];
}

/** Without it a user's services end when the user logs out. Told only where systemd keeps users at all. */
export async function checkLinger({ path, uid, signal }: MachineDeps): Promise<readonly Row[]> {
  const loginctl = await findProgram("loginctl", path);
  if (loginctl === undefined || uid === 0) return [];
  const told = await output(loginctl, ["show-user", String(uid), "--property=Linger", "--value"], signal);
  if (told.trim() === "yes") return [ok("linger", "linger: services of yours outlive your session")];
  if (told.trim() !== "no") return [];
  const text = "linger: services of yours end when you log out";
  return [warn("linger", text, "run: loginctl enable-linger")];
}

function tryToListen(host: string, port: number): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Where a program is and the first line it says about its version. */
async function describe(file: string, args: readonly string[], { signal }: MachineDeps): Promise<string> {
  const [line = ""] = (await output(file, args, signal)).trim().split("\n", 1);
  return `${file}: ${brief(line) || "does not tell its version"}`;
}

/** What a program prints within 5 seconds, errors included; empty when it cannot be run. */
function output(file: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const env = { PATH: process.env.PATH, LC_ALL: "C" };
    execFile(file, args, { env, signal, timeout: 5_000, killSignal: "SIGKILL" }, (_error, stdout, stderr) =>
      resolve(stdout || stderr),
    );
  });
}
