import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gitIdentity } from "./identity.js";

test("the owner's name and address become variables; nothing is made up where there are none", async () => {
  const home = mkdtempSync(join(tmpdir(), "identity-"));
  const env = { PATH: process.env.PATH, HOME: home };
  try {
    assert.equal(await gitIdentity(env), {});
    writeFileSync(join(home, ".gitconfig"), '[user]\n\tname = Ada "L" Ü\n\temail = ada@example.org\n');
    assert.equal(await gitIdentity(env), {
      GIT_AUTHOR_NAME: "Ada L Ü",
      GIT_COMMITTER_NAME: "Ada L Ü",
      GIT_AUTHOR_EMAIL: "ada@example.org",
      GIT_COMMITTER_EMAIL: "ada@example.org",
    });
    assert.equal(await gitIdentity(env, "/nowhere/git"), {});
  } finally {
    rmSync(home, { recursive: true });
  }
});

test("a program of that name in PATH is not run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "identity-"));
  const env = { PATH: `${folder}:${process.env.PATH}`, HOME: folder };
  try {
    writeFileSync(join(folder, "git"), "#!/bin/sh\necho planted\n", { mode: 0o755 });
    assert.is(
      execFileSync("git", { env, encoding: "utf8" }),
      "planted\n",
      "control: looked up in PATH it is",
    );
    assert.equal(await gitIdentity(env), {});
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
