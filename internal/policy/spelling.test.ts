import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createPolicy } from "./policy.js";
import type { CheckContext } from "./types.js";

const policy = createPolicy();
let dir = "";
let marker = "";

// A sudo that leaves a mark: the shell itself says which spellings reach it.
test.before(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "spelling-")));
  marker = join(dir, "reached");
  writeFileSync(join(dir, "sudo"), `#!/bin/sh\n: > ${marker}\n`);
  chmodSync(join(dir, "sudo"), 0o755);
});
test.after(() => rmSync(dir, { recursive: true }));

function reaches(command: string): boolean {
  rmSync(marker, { force: true });
  spawnSync("bash", ["-c", command], {
    cwd: dir,
    env: { PATH: `${dir}:/usr/bin:/bin` },
    stdio: "ignore",
    timeout: 10_000,
  });
  return existsSync(marker);
}

async function refused(command: string): Promise<boolean> {
  const context: CheckContext = {
    mode: "trusted",
    root: dir,
    cwd: "",
    home: undefined,
    allowedPaths: [],
    searchPath: "/usr/bin:/bin",
    env: {},
    stdin: false,
    allowNetwork: false,
  };
  const findings = await policy.refusals(command, context);
  return findings.some(({ permission }) => permission === "destructive_command");
}

const spellings: readonly string[] = [
  "sudo x",
  "\\sudo x",
  "s\\udo x",
  "'sudo' x",
  's"u"do x',
  "su''do x",
  "$'\\x73udo' x",
  "$'s\\165do' x",
  '$"sudo" x',
  "su\\\ndo x",
  "./sudo x",
  "A=1 sudo x",
  ">o 2>&1 sudo x",
  "! sudo x",
  "time sudo x",
  "true&&sudo x",
  "false||sudo x",
  "true;sudo x",
  "true\nsudo x",
  "true&sudo x;wait",
  "true|sudo x",
  "true|&sudo x",
  "(sudo x)",
  "{ sudo x;}",
  "f(){ sudo x; };f",
  "function f { sudo x; };f",
  "if sudo x;then :;fi",
  "while sudo x;do break;done",
  "until sudo x;do break;done",
  "for i in 1;do sudo x;done",
  "for((;;));do sudo x;break;done",
  "case a in a)sudo x;;esac",
  "select i in a;do sudo x;break;done <<<1",
  "coproc sudo x;wait",
  "[[ -n $(sudo x) ]]",
  "echo $(sudo x)",
  "echo `sudo x`",
  'echo "`sudo x`"',
  'echo "$(sudo x)"',
  `echo \${y:-$(sudo x)}`,
  "echo $(($(sudo x)+1))",
  "a=$(sudo x)",
  "a=(1 $(sudo x))",
  "a[$(sudo x)]=1",
  "cat <(sudo x)",
  "true > >(sudo x);sleep 0.2",
  "cat <<E\n$(sudo x)\nE",
  "cat <<-E\n\t`sudo x`\n\tE",
  "cat <<<$(sudo x)",
  "bash <<'E'\nsudo x\nE",
  "bash <<<'sudo x'",
  "sh -c 'sudo x'",
  "sh -ec 'sudo x'",
  "bash -c 'sh -c \"sudo x\"'",
  "bash -o errexit -c 'sudo x'",
  "bash --norc -c 'sudo x'",
  "eval sudo x",
  "eval 'eval \"sudo x\"'",
  "trap 'sudo x' EXIT",
  "command sudo x",
  "command -p -- env PATH=. sudo x",
  "builtin command sudo x",
  "exec sudo x",
  "exec -a y sudo x",
  "env sudo x",
  "env -u A B=1 sudo x",
  "env -S 'sudo x'",
  "nohup sudo x",
  "nice -n 5 sudo x",
  "timeout -k 1 5 sudo x",
  "timeout --signal TERM 5 sudo x",
  "stdbuf -o L sudo x",
  "setsid -w sudo x",
  "echo x | xargs sudo",
  "echo x | xargs -n 1 -I{} sudo {}",
  "find . -maxdepth 0 -exec sudo x \\;",
  "find . -maxdepth 0 -exec sh -c 'sudo x' {} +",
  "flock o sudo x",
  "flock o -c 'sudo x'",
  "git -c alias.x='!sudo x' x",
];

test("a shell that would run it, and a policy that says no, for every spelling", async () => {
  for (const command of spellings) {
    assert.ok(reaches(command), `the shell does not get to sudo: ${command}`);
    assert.ok(await refused(command), `not refused: ${command}`);
  }
});

test("words that only look like it run in both", async () => {
  const harmless = [
    "echo sudo x",
    "echo 'a; sudo x'",
    'echo "a && sudo x"',
    "echo a\\;sudo x",
    "true # ; sudo x",
    "cat <<'E'\n$(sudo x)\nE",
    "a=sudo true",
    "printf '%s' '`sudo x`'",
    "test sudo = sudo",
    "[[ sudo == s* ]]",
    "sh -c 'echo sudo'",
    "command -v sudo",
    "true ';' sudo x",
  ];
  for (const command of harmless) {
    assert.not.ok(reaches(command), `the shell gets to sudo: ${command}`);
    assert.not.ok(await refused(command), `refused: ${command}`);
  }
});

/** Ways to wrap a command in another; any of them any number of times keeps it reachable. */
const wraps: readonly ((command: string) => string)[] = [
  (command) => `( ${command})`,
  (command) => `{ ${command}\n}`,
  (command) => `true && ${command}`,
  (command) => `if true; then ${command}\nfi`,
  (command) => `f() { ${command}\n}; f`,
  (command) => `: $( ${command}\n)`,
  (command) => `: "$( ${command}\n)"`,
  (command) => `sh -c ${quote(command)}`,
  (command) => `env A=1 bash -c ${quote(command)}`,
  (command) => `eval ${quote(command)}`,
  (command) => `timeout 5 sh -c ${quote(command)}`,
  (command) => `case a in *) ${command}\n;; esac`,
];

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

test("wrapped in any way, any number of times", async () => {
  const chain = fc.array(fc.nat(wraps.length - 1), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(chain, async (picks) => {
      const wrap = (command: string): string =>
        picks.reduce((inner, i) => wraps[i]?.(inner) ?? inner, command);
      assert.ok(await refused(wrap("sudo x")), wrap("sudo x"));
      assert.not.ok(await refused(wrap("echo sudo")), wrap("echo sudo"));
    }),
    { numRuns: 300 },
  );
});

test.run();
