import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { findRipgrep } from "../../internal/search/ripgrep.js";
import type { Fixtures } from "./fixtures.js";

export const serverNames = ["ctmcpd", "floor"] as const;
export type ServerName = (typeof serverNames)[number];

/** A server in a process of its own. */
export interface Server {
  readonly name: ServerName;
  readonly url: URL;
  readonly pid: number;
  close(): Promise<void>;
}

/** The `result` of tools/list that the floor answers with. */
export function toolsListFile({ folder }: Fixtures): string {
  return join(folder, "tools-list.json");
}

/** Starts a server; resolves when it has printed its URL, which both do as soon as they answer. */
export async function startServer(name: ServerName, fixtures: Fixtures): Promise<Server> {
  const program = programOf(name, fixtures);
  const errorFile = join(fixtures.folder, `${name}.stderr`);
  const stderr = openSync(errorFile, "w");
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL(program.module, import.meta.url)), ...program.args],
    {
      stdio: ["ignore", "pipe", stderr],
      // Ctrl-C in a terminal reaches the whole process group: they must outlive the requests under way.
      detached: true,
      env: {
        PATH: process.env.PATH,
        HOME: join(fixtures.folder, "home"),
        CTMCP_BENCH_TOKEN: fixtures.token,
      },
    },
  );
  closeSync(stderr);
  const exited = once(child, "exit");
  const close = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited;
  };
  const stdout = child.stdout as Readable;
  let printed = "";
  for await (const text of stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    printed += text;
    const url = /http:\/\/127\.0\.0\.1:\d+\/mcp\s/.exec(printed)?.[0];
    if (url === undefined) continue;
    stdout.resume();
    return { name, url: new URL(url.trim()), pid: child.pid as number, close };
  }
  throw new Error(`${name} did not start: ${readFileSync(errorFile, "utf8")}`);
}

function programOf(name: ServerName, fixtures: Fixtures): { module: string; args: string[] } {
  if (name === "ctmcpd") return { module: "../../bin/ctmcpd.cjs", args: ["--config", fixtures.configFile] };
  const ripgrep = findRipgrep({ searchPath: process.env.PATH });
  if (ripgrep === undefined) throw new Error("no ripgrep was found");
  return { module: "floor.js", args: [fixtures.workspace, ripgrep.path, toolsListFile(fixtures)] };
}
