import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Files to work on, the same bytes every time, in a temporary folder. */
export interface Fixtures {
  readonly folder: string;
  /** A git repository with `fileCount` text files and an ignored folder. */
  readonly workspace: string;
  readonly configFile: string;
  readonly token: string;
  readonly small: { readonly path: string; readonly text: string };
  /** A file of 10 MiB and the lines that are read from it. */
  readonly large: {
    readonly path: string;
    readonly firstLine: number;
    readonly lines: number;
    readonly text: string;
  };
  /** A text that stands in one line of one file. */
  readonly rare: { readonly needle: string; readonly path: string; readonly line: number };
  /** A text that stands in two lines of each file. */
  readonly common: { readonly needle: string };
  /** Files out of git's sight, each with one of `patchStates` as a line. */
  readonly patched: readonly string[];
  /** Tracked files, by path, that have got `changedLine` since the commit. */
  readonly changed: readonly string[];
  remove(): void;
}

export const fileCount = 5_000;
export const patchStates = ["the switch is on", "the switch is off"] as const;
export const changedLine = "a line that was added later";
const linesPerFile = 60;
const patchedFiles = 20;
const changedFiles = 20;
const largeLines = 100_000;
const largeLineBytes = 105;
const seed = 0x5eed;

export function createFixtures(): Fixtures {
  const folder = mkdtempSync(join(tmpdir(), "ctmcp-bench-"));
  const workspace = join(folder, "ws-5k");
  const rare = { needle: "halcyonquartz", path: pathOf(3_417), line: 20 };
  const common = { needle: "brightwillow" };
  const words = createWords(seed);
  const write = (path: string, text: string): string => {
    const file = join(workspace, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return text;
  };

  for (let index = 0; index < fileCount; index++) {
    const lines = Array.from({ length: linesPerFile }, () => words(8));
    for (const line of [10, 40]) lines[line - 1] = `${words(3)} ${common.needle} ${words(3)}`;
    if (pathOf(index) === rare.path) lines[rare.line - 1] = `${words(3)} ${rare.needle} ${words(3)}`;
    write(pathOf(index), `${lines.join("\n")}\n`);
  }
  // Not in the way of searches and listings, which must leave out what git ignores.
  write(".gitignore", "/generated/\n");
  for (let index = 0; index < 50; index++) write(`generated/part-${index}.txt`, `${common.needle}\n`);
  const small = { path: "generated/small.txt", text: "" };
  small.text = write(small.path, `${words(1_000).slice(0, 4_095)}\n`);
  const largeText = Array.from({ length: largeLines }, (_, index) =>
    `line ${index + 1} ${words(14)}`.padEnd(largeLineBytes - 1, "-").slice(0, largeLineBytes - 1),
  );
  const large = { path: "generated/large.txt", firstLine: 80_000, lines: 200, text: "" };
  write(large.path, `${largeText.join("\n")}\n`);
  large.text = `${largeText.slice(large.firstLine - 1, large.firstLine - 1 + large.lines).join("\n")}\n`;
  const patched = Array.from({ length: patchedFiles }, (_, index) => `generated/switch-${index}.txt`);
  for (const path of patched) write(path, `${words(400)}\n${patchStates[0]}\n${words(400)}\n`);
  commit(workspace);
  const changed = Array.from({ length: changedFiles }, (_, index) => pathOf(index * 200 + 7));
  for (const path of changed) appendFileSync(join(workspace, path), `${changedLine}\n`);

  // In memory, as the directories that a service manager gives for this are.
  const runtime = mkdtempSync(join(process.env.XDG_RUNTIME_DIR ?? "/dev/shm", "ctmcp-bench-"));
  const configFile = join(folder, "config.yaml");
  writeFileSync(configFile, `${configText}runtime_dir: ${runtime}\n`, { mode: 0o600 });
  mkdirSync(join(folder, "home"));
  return {
    folder,
    workspace,
    configFile,
    token: "benchmark-token-of-more-than-thirty-two-characters",
    small,
    large,
    rare,
    common,
    patched,
    changed,
    remove() {
      for (const made of [folder, runtime]) rmSync(made, { recursive: true, force: true });
    },
  };
}

/** As a real configuration, but for limits that must not be what is measured. */
const configText = `version: 1
listen: 127.0.0.1:0
profile: full
workspaces:
  - id: ws-5k
    path: ws-5k
auth:
  mode: bearer
  token: \${env:CTMCP_BENCH_TOKEN}
exec:
  permission_mode: trusted
limits:
  calls_per_second: 100000
  burst: 1000000
  concurrent_calls: 10000
state_dir: state
`;

function pathOf(index: number): string {
  const part = (value: number): string => String(value).padStart(2, "0");
  const folder = `area-${part(Math.floor(index / 500))}/topic-${part(Math.floor(index / 25) % 20)}`;
  return `${folder}/note-${String(index).padStart(4, "0")}.txt`;
}

function commit(workspace: string): void {
  const date = "2026-01-01T00:00:00Z";
  const env = {
    PATH: process.env.PATH,
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_SYSTEM: "/dev/null",
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_DATE: date,
  };
  const user = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"];
  for (const args of [
    ["init", "-q", "-b", "main"],
    ["add", "-A"],
    [...user, "commit", "-q", "-m", "fixtures"],
  ]) {
    execFileSync("git", args, { cwd: workspace, env });
  }
}

/** Makes lines of `count` made-up words, always the same ones in the same order (mulberry32). */
function createWords(start: number): (count: number) => string {
  let state = start;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const syllables = [
    "ba",
    "do",
    "fen",
    "gor",
    "hil",
    "ju",
    "kam",
    "lo",
    "mer",
    "nu",
    "pa",
    "ros",
    "sel",
    "tu",
  ];
  const syllable = (): string | undefined => syllables[next() % syllables.length];
  const vocabulary = Array.from({ length: 1_000 }, () => Array.from({ length: 3 }, syllable).join(""));
  return (count) => Array.from({ length: count }, () => vocabulary[next() % vocabulary.length]).join(" ");
}
