import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { candidates } from "./candidates.js";
import { ctl, ended, type Home, mainPath, makeHome } from "./ctl.test.util.js";
import { commonOptions } from "./options.js";
import { verbs } from "./verbs.js";

let home: Home;
test.before.each(() => {
  home = makeHome();
});
test.after.each(() => home.remove());

test("offers what may come next", () => {
  const firstWords = [...new Set(verbs.map(({ name }) => name.split(" ")[0] ?? ""))];
  const common = commonOptions.map((name) => `--${name}`);
  const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
    [[""], firstWords],
    [["re"], ["reload"]],
    [
      ["config", ""],
      ["check", "show", "path"],
    ],
    [["config", "s"], ["show"]],
    [["--config", "x.yaml", "config", "p"], ["path"]],
    [
      ["status", "--"],
      ["--watch", "--verbose", "--json", "--check", ...common],
    ],
    [["--"], common],
    [
      ["init", "--profile", ""],
      ["read-only", "full"],
    ],
    [
      ["init", "--profile", "full", "--auth", "o"],
      ["oauth", "oauth+bearer"],
    ],
    [
      ["rotate-secret", ""],
      ["password", "bearer", "signing-key", "all"],
    ],
    [["rotate-secret", "bearer", ""], []],
    [
      ["rotate-secret", "all", "--"],
      ["--revoke", "--json", ...common],
    ],
    [
      ["clients", ""],
      ["show", "revoke", "set-profile", "set-workspaces"],
    ],
    [
      ["clients", "--"],
      ["--attempts", "--json", ...common],
    ],
    [["clients", "show", ""], []],
    [["clients", "set-profile", "a1", "f"], ["full"]],
    [["help", "clients", "sh"], ["show"]],
    [["auth", ""], ["unlock"]],
    [
      ["tunnel", "s"],
      ["status", "setup"],
    ],
    [["tunnel", "setup", "c"], ["cloudflared"]],
    [["completion", "z"], ["zsh"]],
    [
      ["help", "con"],
      ["connect", "config"],
    ],
    [["help", "config", "c"], ["check"]],
    [["config", "check", ""], []],
    [["--config", ""], []],
    [["nonsense", ""], []],
    [[], firstWords],
  ];
  for (const [words, expected] of cases) assert.equal(candidates(words), expected, words.join(" "));
});

test("bash loads the script and completes with it", async () => {
  const { stdout: script } = await ctl(home, ["completion", "bash"]);
  const ask = `
    complete -p ctmcpctl
    try() { COMP_WORDS=(ctmcpctl "$@") COMP_CWORD=$#; _ctmcpctl; printf '%s.' "\${COMPREPLY[@]}"; echo; }
    try re
    try config ''
    try init --profile r
    try config check ''
  `;
  const env = programs();
  const shell = ["--noprofile", "--norc", "-uc", `${script}\n${ask}`];
  const { code, stdout, stderr } = await ended(
    spawn("bash", shell, { env, stdio: ["ignore", "pipe", "pipe"] }),
  );
  assert.is(stderr, "");
  assert.is(code, 0);
  const [registered, ...answers] = stdout.trimEnd().split("\n");
  assert.is(registered, "complete -o default -F _ctmcpctl ctmcpctl");
  assert.equal(answers, ["reload.", "check.show.path.", "read-only.", "."]);
});

/** Types what each step says when it has seen what the step waits for; returns what was shown in the end. */
async function atKeyboard(
  shell: string,
  env: NodeJS.ProcessEnv,
  steps: readonly { readonly see: string; readonly type: string }[],
): Promise<string> {
  const child = spawn("script", ["-qec", shell, "/dev/null"], {
    env: { ...env, TERM: "dumb", SHELL: "/bin/sh" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const left = [...steps];
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    // zsh takes a blank back before it goes on.
    shown = (shown + text).replaceAll(" \b", "");
    if (left[0] && shown.includes(left[0].see)) child.stdin.write(left.shift()?.type ?? "");
  });
  await new Promise((closed) => child.once("close", closed));
  assert.equal(left, [], shown);
  return shown;
}

/** `ctmcpctl` on PATH. */
function programs(): NodeJS.ProcessEnv {
  const command = join(home.dir, "ctmcpctl");
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${mainPath}' "$@"\n`, { mode: 0o755 });
  return { ...home.env, PATH: `${home.dir}:${process.env.PATH}` };
}

test("pressing Tab in an interactive bash writes the word out", async () => {
  const { stdout: script } = await ctl(home, ["completion", "bash"]);
  writeFileSync(join(home.dir, "rc"), `${script}\nPS1='ready> '\n`);
  await atKeyboard(`bash --noprofile --rcfile '${home.dir}/rc' -i`, programs(), [
    { see: "ready> ", type: "ctmcpctl rot\t" },
    { see: "rotate-secret ", type: "b\t" },
    { see: "rotate-secret bearer ", type: "\u0015exit\r" },
  ]);
});

for (const [how, load] of Object.entries({
  "from a folder of its fpath": "fpath=(~/functions $fpath); autoload -Uz compinit; compinit -u -d ~/dump",
  sourced: "autoload -Uz compinit; compinit -u -d ~/dump; source ~/functions/_ctmcpctl",
})) {
  test(`so does it in zsh, ${how}, and offers what may come next`, async () => {
    const { stdout: script } = await ctl(home, ["completion", "zsh"]);
    mkdirSync(join(home.dir, "functions"));
    writeFileSync(join(home.dir, "functions", "_ctmcpctl"), script);
    writeFileSync(join(home.dir, ".zshrc"), `${load}\nsetopt list_ambiguous\nPS1='ready> '\n`);
    const env = { ...programs(), HOME: home.dir, ZDOTDIR: home.dir };
    const shown = await atKeyboard("zsh -o no_global_rcs -i", env, [
      { see: "ready> ", type: "ctmcpctl rot\t" },
      { see: "rotate-secret ", type: "b\t" },
      { see: "rotate-secret bearer ", type: "\u0015ctmcpctl config \t" },
      { see: "show", type: "\u0015exit\r" },
    ]);
    assert.match(shown, /check +path +show/);
    assert.not.match(shown, /not found|_ctmcpctl:/);
  });
}

test("and fish offers the same, loaded by itself or kept in a folder", async () => {
  const env = { ...programs(), HOME: home.dir, XDG_CONFIG_HOME: join(home.dir, "config") };
  const ask = async (before: string): Promise<string> => {
    const begun = ["rot", "config ", "init --profile r", "config check her"];
    const lines = begun.map((words) => `complete -C 'ctmcpctl ${words}' | string join ,`);
    const child = spawn("fish", ["-c", [before, ...lines, "true"].join("\n")], {
      cwd: home.dir,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { code, stdout, stderr } = await ended(child);
    assert.is(stderr, "");
    assert.is(code, 0);
    return stdout;
  };
  const offered = "rotate-secret\ncheck,path,show\nread-only\nhere.yaml\n";
  writeFileSync(join(home.dir, "here.yaml"), "");
  assert.is(await ask("ctmcpctl completion fish | source"), offered);
  const folder = join(home.dir, "config", "fish", "completions");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "ctmcpctl.fish"), (await ctl(home, ["completion", "fish"])).stdout);
  assert.is(await ask(""), offered);
});

test.run();
