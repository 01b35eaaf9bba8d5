import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { makeBackend } from "../../internal/admin/admin.test.util.js";
import type { AdminBackend } from "../../internal/admin/backend.js";
import { createAdminServer } from "../../internal/admin/server.js";
import { auditDir } from "../../internal/audit/files.js";
import { type AuditJournal, createJournal } from "../../internal/audit/journal.js";
import { systemClock } from "../../internal/clock/clock.js";

export const mainPath = fileURLToPath(new URL("./main.js", import.meta.url));

/** A user of its own for one test: a home directory, and the default socket below it. */
export interface Home {
  readonly dir: string;
  /** A folder that may be served. */
  readonly folder: string;
  readonly configPath: string;
  readonly socketPath: string;
  readonly env: NodeJS.ProcessEnv;
  remove(): void;
}

export function makeHome(): Home {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "ctl-")));
  const folder = join(dir, "src");
  mkdirSync(folder);
  return {
    dir,
    folder,
    configPath: join(dir, ".config", "coding-tools-mcp.yaml"),
    socketPath: join(dir, ".local", "state", "coding-tools-mcp", "admin.sock"),
    env: { HOME: dir, PATH: process.env.PATH, LC_ALL: "C" },
    remove: () => rmSync(dir, { recursive: true }),
  };
}

/** Runs with a daemon's admin socket in `home`'s default place. */
export async function withDaemon(
  { home, version = "9.9.9", ...backend }: { home: Home; version?: string } & Partial<AdminBackend>,
  run: () => Promise<void>,
): Promise<void> {
  const server = await createAdminServer({
    socketPath: home.socketPath,
    uid: process.getuid?.() ?? 0,
    backend: makeBackend(backend),
    version,
    onError: () => {},
  });
  await run().finally(() => server.close());
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CtlOptions {
  /** More environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Flags of node itself. */
  readonly node?: readonly string[];
}

/** A running ctmcpctl; its standard input is closed. */
export function startCtl(
  home: Home,
  args: readonly string[],
  { env, node = [] }: CtlOptions = {},
): ChildProcess {
  return spawn(process.execPath, [...node, mainPath, ...args], {
    cwd: home.dir,
    env: { ...home.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Runs ctmcpctl to its end. */
export async function ctl(home: Home, args: readonly string[], options: CtlOptions = {}): Promise<Ended> {
  return ended(startCtl(home, args, options));
}

/** What a child process printed, and the code it ended with. */
export async function ended(child: ChildProcess): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, "close");
  return { code, stdout, stderr };
}

export interface TypedAnswer {
  /** Text to wait for. */
  readonly see: string;
  readonly type: string;
  /** Done before the answer is typed. */
  readonly first?: () => void;
}

interface TerminalOptions {
  readonly answers: readonly TypedAnswer[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** ctmcpctl on a real terminal, answered as a person would: each answer after its question. */
export async function onTerminal(
  home: Home,
  args: readonly string[],
  { answers, cwd = home.dir, env }: TerminalOptions,
): Promise<{ code: number; shown: string }> {
  const command = [process.execPath, mainPath, ...args].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    cwd,
    env: { ...home.env, TERM: "xterm", SHELL: "/bin/sh", ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let shown = "";
  let from = 0;
  const left = [...answers];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    const [answer] = left;
    const at = answer ? shown.indexOf(answer.see, from) : -1;
    if (!answer || at < 0) return;
    from = at + answer.see.length;
    left.shift();
    answer.first?.();
    child.stdin.write(answer.type);
  });
  const [code] = await once(child, "close");
  assert.equal(left, [], shown);
  return { code, shown };
}

/** The journal of this user's daemon, which takes what it is given as it is. */
export function openJournal({ dir }: Home): AuditJournal {
  return createJournal({
    dir: auditDir(join(dir, ".local/state/coding-tools-mcp")),
    clock: systemClock,
    maxBytes: () => 1e6,
    keep: () => 2,
    clean: (event) => event,
    onState: () => {},
  });
}
