/** What the floor does for commands, git and patches: the bare program, the bare writes. */
import { spawn } from "node:child_process";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

/** The daemon shows as much of long output: so much of its beginning, so much of its end. */
const shownBytes = 32_768;

/** A program without a shell; words are parted by single blanks. */
export async function exec(workspace: string, cmd: string): Promise<object> {
  const { code, stdout } = await run(workspace, cmd.split(" "));
  const isLong = stdout.length > 2 * shownBytes;
  const shown = isLong ? [stdout.subarray(0, shownBytes), stdout.subarray(-shownBytes)] : [stdout];
  const bytes = shown.reduce((sum, part) => sum + part.length, 0);
  return {
    exit_code: code,
    stdout: shown.map((part) => part.toString()).join("\n"),
    stdout_output_bytes: bytes,
    stdout_omitted_bytes: stdout.length - bytes,
  };
}

export async function gitStatus(workspace: string): Promise<object> {
  const args = ["--no-optional-locks", "status", "--porcelain=v2", "-z", "--branch"];
  const { stdout } = await run(workspace, ["git", ...args]);
  const records = stdout.toString().split("\0");
  const branch = records.find((record) => record.startsWith("# branch.head "))?.slice(14);
  const entries = records
    .filter((record) => record.startsWith("1 "))
    .map((record) => {
      const [, states = ""] = record.split(" ");
      const [index, worktree] = states.replaceAll(".", " ");
      return {
        path: record.split(" ").slice(8).join(" "),
        index_status: index,
        worktree_status: worktree,
      };
    });
  return { branch, entries, truncated: false };
}

export async function gitDiff(workspace: string): Promise<object> {
  const { stdout } = await run(workspace, ["git", "--no-optional-locks", "diff", "--no-color"]);
  return { diff: stdout.toString(), truncated: false };
}

/**
 * Each file written beside its target, on the disk, and put in its place, one after the other: with files this small,
 * threads cost more than they save. The new names go to the disk too, or a power cut takes the change back.
 */
export function applyPatch(workspace: string, patch: string): object {
  const dirs = new Set<string>();
  const sections = patch.matchAll(/^\*\*\* Update File: (.*)\n@@\n-(.*)\n\+(.*)$/gm);
  for (const [, path = "", from = "", to = ""] of sections) {
    const file = join(workspace, path);
    const text = readFileSync(file, "utf8").replace(from, to);
    const fd = openSync(`${file}.new`, "w");
    writeSync(fd, text);
    fsyncSync(fd);
    closeSync(fd);
    renameSync(`${file}.new`, file);
    dirs.add(dirname(file));
  }
  for (const dir of dirs) {
    const fd = openSync(dir, "r");
    fsyncSync(fd);
    closeSync(fd);
  }
  return {};
}

function run(
  cwd: string,
  [program = "", ...args]: readonly string[],
): Promise<{ code: number | null; stdout: Buffer }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.resume();
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout: Buffer.concat(chunks) }));
  });
}
