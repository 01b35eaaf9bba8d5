import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
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
  const command = join(home.dir, "ctmcpctl");
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${mainPath}' "$@"\n`, { mode: 0o755 });
  const { stdout: script } = await ctl(home, ["completion", "bash"]);
  const ask = `
    complete -p ctmcpctl
    try() { COMP_WORDS=(ctmcpctl "$@") COMP_CWORD=$#; _ctmcpctl; printf '%s.' "\${COMPREPLY[@]}"; echo; }
    try re
    try config ''
    try init --profile r
    try config check ''
  `;
  const env = { ...home.env, PATH: `${home.dir}:${process.env.PATH}` };
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

test("pressing Tab in an interactive bash writes the word out", async () => {
  const command = join(home.dir, "ctmcpctl");
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${mainPath}' "$@"\n`, { mode: 0o755 });
  const { stdout: script } = await ctl(home, ["completion", "bash"]);
  writeFileSync(join(home.dir, "rc"), `${script}\nPS1='ready> '\n`);
  const env = { ...home.env, PATH: `${home.dir}:${process.env.PATH}`, TERM: "dumb", SHELL: "/bin/sh" };
  const bash = `bash --noprofile --rcfile '${home.dir}/rc' -i`;
  const child = spawn("script", ["-qec", bash, "/dev/null"], { env, stdio: ["pipe", "pipe", "inherit"] });
  let shown = "";
  const steps = [
    { see: "ready> ", type: "ctmcpctl rot\t" },
    { see: "rotate-secret ", type: "b\t" },
    { see: "rotate-secret bearer ", type: "\u0015exit\r" },
  ];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    if (steps[0] && shown.includes(steps[0].see)) child.stdin.write(steps.shift()?.type ?? "");
  });
  await new Promise((closed) => child.once("close", closed));
  assert.equal(steps, [], shown);
});

test("zsh and fish get a script of their own", async () => {
  assert.match((await ctl(home, ["completion", "zsh"])).stdout, /^#compdef ctmcpctl\n/);
  assert.match((await ctl(home, ["completion", "fish"])).stdout, /^complete -c ctmcpctl /m);
});

test.run();
