/**
 * The floor: a bare node:http server that does what each operation must do at least, in the plainest way, and nothing
 * around it: no credential, no validation, no path confinement, no limits.
 * Usage: floor.js WORKSPACE RIPGREP TOOLS_LIST_FILE. Prints its URL; ends on SIGTERM.
 */
import { spawn } from "node:child_process";
import { closeSync, lstatSync, openSync, readFileSync, readSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { applyPatch, exec, gitDiff, gitStatus } from "./floor-work.js";

interface Arguments {
  readonly path: string;
  readonly start_line?: number;
  readonly max_lines: number;
  readonly query: string;
  readonly max_results: number;
  readonly cmd: string;
  readonly patch: string;
}

interface Message {
  readonly id: number;
  readonly method: string;
  readonly params: { readonly name: string; readonly arguments: Arguments };
}

const [workspace = ".", ripgrep = "rg", toolsListFile = ""] = process.argv.slice(2);
const lineOffsets = new Map<string, readonly number[]>();
let toolsList: string | undefined;

const server = createServer((req, res) => {
  const chunks: Buffer[] = [];
  req.on("data", (chunk: Buffer) => chunks.push(chunk));
  req.on("end", async () => {
    const { id, ...message } = JSON.parse(Buffer.concat(chunks).toString()) as Message;
    const body = Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":${await answer(message)}}`);
    res.writeHead(200, { "Content-Type": "application/json", "Content-Length": body.length });
    res.end(body);
  });
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp\n`);
});

async function answer({ method, params }: Omit<Message, "id">): Promise<string> {
  if (method === "ping") return "{}";
  if (method === "tools/list") {
    toolsList ??= readFileSync(toolsListFile, "utf8");
    return toolsList;
  }
  const args = params.arguments;
  switch (params.name) {
    case "read_file":
      return structured({ content: args.start_line === undefined ? readWhole(args) : readRange(args) });
    case "list_files":
      return structured({ files: await list(), truncated: false });
    case "exec_command":
      return structured(await exec(workspace, args.cmd));
    case "apply_patch":
      return structured(applyPatch(workspace, args.patch));
    case "git_status":
      return structured(await gitStatus(workspace));
    case "git_diff":
      return structured(await gitDiff(workspace));
    default:
      return structured(await search(args));
  }
}

function structured(content: object): string {
  return JSON.stringify({ structuredContent: content });
}

function readWhole({ path }: Arguments): string {
  return readFileSync(join(workspace, path), "utf8");
}

/** One read at an offset that is known from the first time on. */
function readRange({ path, start_line = 1, max_lines }: Arguments): string {
  const file = join(workspace, path);
  const offsets = lineOffsets.get(file) ?? findLines(readFileSync(file));
  lineOffsets.set(file, offsets);
  const start = offsets[start_line - 1] ?? 0;
  const bytes = Buffer.allocUnsafe((offsets[start_line - 1 + max_lines] ?? start) - start);
  const fd = openSync(file, "r");
  readSync(fd, bytes, 0, bytes.length, start);
  closeSync(fd);
  return bytes.toString();
}

function findLines(bytes: Buffer): number[] {
  const offsets = [0];
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) offsets.push(at + 1);
  return offsets;
}

/** Names, sizes and times of all files, by path: what the answer of the operation is made of. */
async function list(): Promise<object[]> {
  const paths: string[] = [];
  await run(["--files"], (line) => paths.push(line) === Number.POSITIVE_INFINITY);
  return paths.sort().map((path) => {
    const { size, mtime } = lstatSync(join(workspace, path));
    return { path, type: "file", size_bytes: size, modified: mtime.toISOString() };
  });
}

async function search({ query, max_results }: Arguments): Promise<object> {
  const matches: object[] = [];
  const args = ["--fixed-strings", "--ignore-case", "--line-number", "--column", "--with-filename"];
  const truncated = await run([...args, "--no-heading", "--", query, "."], (line) => {
    const [path = "", number, column, ...preview] = line.split(":");
    if (matches.length === max_results) return true;
    const place = { path: path.replace(/^\.\//, ""), line: Number(number), column: Number(column) };
    matches.push({ ...place, preview: preview.join(":") });
    return false;
  });
  return { matches, truncated };
}

/** Runs ripgrep and hands on its lines until one is enough; true then. */
function run(args: readonly string[], take: (line: string) => boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(ripgrep, ["--no-config", ...args], {
      cwd: workspace,
      stdio: ["ignore", "pipe", "ignore"],
    });
    let rest = "";
    let enough = false;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      if (enough || !lines.some(take)) return;
      enough = true;
      child.kill("SIGKILL");
    });
    child.on("close", () => resolve(enough));
  });
}
