import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import type { GrantReport } from "../../internal/admin/types.js";
import { type Answer, type Browser, createBrowser } from "./browser.js";
import { launch } from "./daemon-process.js";
import { makePlace, type Place } from "./place.js";
import { type Exit, mainOf, type Program, startProgram } from "./program.js";

/** A ctmcpd process that clients sign in to, and that comes back at the same address when it is restarted. */
export interface SignInDaemon extends Place {
  readonly origin: string;
  /** The MCP endpoint. */
  readonly url: string;
  readonly browser: Browser;
  /** Lets a client read and search `app`, and nothing else; with the owner's password. */
  readonly readOnly: Answer;
  /** The process that runs now. */
  program(): Program;
  /** What all processes so far have written. */
  output(): string;
  /** Ends it and starts another one. */
  restart(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Runs ctmcpctl; returns what it prints. Rejects when it fails. */
  ctl(...args: readonly string[]): Promise<string>;
  /** The only client that is signed in. */
  grant(): Promise<GrantReport>;
}

export interface SignInOptions {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly auth?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs `test` against such a daemon, whose password is set, and takes both it and its place away. */
export async function withSignIn(
  options: SignInOptions,
  test: (daemon: SignInDaemon) => Promise<void>,
): Promise<void> {
  const place = makePlace();
  const programs: Program[] = [];
  try {
    const port = await lastingPort();
    const origin = `http://127.0.0.1:${port}`;
    place.configure({
      listen: `127.0.0.1:${port}`,
      workspaces: [{ id: "app", path: "app", profile: "full" }],
      auth: { mode: "oauth", ...options.auth },
      ...options.config,
    });
    const program = (): Program => programs.at(-1) as Program;
    const start = async (): Promise<void> => {
      programs.push(launch(place, options.env));
      await program().until("stderr", /"message":"ready"/);
    };
    const ctl: SignInDaemon["ctl"] = (...args) => runCtl(place, args);
    await start();
    const password = (await ctl("rotate-secret", "password")).trim();
    await test({
      ...place,
      origin,
      url: `${origin}/mcp`,
      browser: createBrowser(),
      readOnly: { password, workspaces: ["app"], profile: "read-only" },
      program,
      output: () => programs.map((it) => it.stdout() + it.stderr()).join(""),
      async restart(signal) {
        program().child.kill(signal);
        await program().exit;
        await start();
      },
      ctl,
      async grant() {
        const { grants } = await place.admin.grants();
        const [grant, ...more] = grants;
        if (grant === undefined || more.length > 0) throw new Error(`${grants.length} clients are signed in`);
        return grant;
      },
    });
  } finally {
    await Promise.all(programs.map((it) => it.kill()));
    place.remove();
  }
}

async function runCtl({ dir, configPath }: Place, args: readonly string[]): Promise<string> {
  const program = startProgram(mainOf("ctmcpctl"), {
    args: ["--config", configPath, ...args],
    env: { HOME: dir },
    cwd: dir,
  });
  const { code }: Exit = await program.exit;
  if (code !== 0) throw new Error(`ctmcpctl ${args.join(" ")}: exit ${code}: ${program.stderr()}`);
  return program.stdout();
}

/**
 * A port that stays free between two processes: not one of those the kernel hands out to connections (from 32768), so
 * that nothing takes it by chance.
 */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const server = createServer();
    const taken = once(server.listen(port, "127.0.0.1"), "listening").then(
      () => false,
      () => true,
    );
    if (await taken) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
