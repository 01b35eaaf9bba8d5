import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const token = "a-token-for-as-long-as-the-rehearsal-lasts";

/** Runs each program in `bin` up to its first answers, so that it is kept what those need compiled. */
export async function rehearseAll(bin: string): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), "ctmcp-build-"));
  try {
    const workspace = join(home, "app");
    const config = join(home, "config.yaml");
    await mkdir(workspace);
    await writeFile(config, configText, { mode: 0o600 });
    const rehearse = (name: string, ...args: string[]) => run(join(bin, `${name}.body.js`), args, home);
    await rehearse("ctmcpd", "--config", config);
    await rehearse("ctmcpctl", "version");
    await rehearse("coding-tools-mcp", "--port", "0", "--workspace", workspace, "--auth-token", token);
  } finally {
    await rm(home, { recursive: true });
  }
}

const configText = `version: 1
listen: 127.0.0.1:0
profile: full
workspaces:
  - id: app
    path: app
auth:
  mode: bearer
  token: \${env:REHEARSAL_TOKEN}
state_dir: state
runtime_dir: run
`;

/** A program that prints a URL is asked there and then ended; another ends by itself. */
async function run(file: string, args: readonly string[], home: string): Promise<void> {
  const rehearsal = fileURLToPath(new URL("rehearse.js", import.meta.url));
  const child = spawn(process.execPath, [rehearsal, file, ...args], {
    env: { PATH: process.env.PATH, HOME: home, REHEARSAL_TOKEN: token },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 30_000,
    killSignal: "SIGKILL",
  });
  const ended = once(child, "close");
  let printed = "";
  const url = await new Promise<string | undefined>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
        const [found] = /http:\S+\/mcp(?=\s)/.exec(printed) ?? [];
        if (found !== undefined) resolve(found);
      });
    }
    void ended.then(() => resolve(undefined));
  });
  try {
    if (url !== undefined) await ask(url);
  } finally {
    child.kill("SIGTERM");
  }
  const [code] = await ended;
  if (code !== 0 && code !== endedBySigterm) throw new Error(`${file} failed its rehearsal: ${printed}`);
}

/** What the programs exit with that do not exit with 0 then. */
const endedBySigterm = 143;

/** What a client asks first. */
async function ask(url: string): Promise<void> {
  const clientInfo = { name: "rehearsal", version: "1" };
  const initialize = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  for (const [method, params] of Object.entries({ initialize, "tools/list": {} })) {
    const { ok, status } = await fetch(url, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${token}`,
        "Content-Type": "application/json",
        Accept: "application/json, text/event-stream",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    if (!ok) throw new Error(`${method} was answered with ${status} in the rehearsal`);
  }
}
