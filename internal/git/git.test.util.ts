import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createDirectSandbox, openPolicy } from "../../test/support/direct-sandbox.js";
import { systemClock } from "../clock/clock.js";
import type { Sandbox, SandboxLevel } from "../sandbox/types.js";
import { createGit, type Git, type GitPlace } from "./git.js";

/** A repository in a folder of its own, with nothing of this machine's configuration. */
export interface TestRepository {
  readonly path: string;
  /** Runs git as a user would, and returns what it prints. */
  git(...args: readonly string[]): string;
  write(name: string, text: string | Buffer): void;
  /** Writes, stages everything and commits. */
  commit(files: Readonly<Record<string, string>>, message?: string): void;
}

const env = {
  PATH: process.env.PATH ?? "",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "Ann",
  GIT_AUTHOR_EMAIL: "ann@example.com",
  GIT_COMMITTER_NAME: "Ann",
  GIT_COMMITTER_EMAIL: "ann@example.com",
  GIT_AUTHOR_DATE: "2026-01-02T03:04:05+02:00",
  GIT_COMMITTER_DATE: "2026-01-02T03:04:05+02:00",
};

export function makeFolder(): string {
  return fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "git-")));
}

export function makeRepository(path: string): TestRepository {
  const git: TestRepository["git"] = (...args) =>
    execFileSync("git", args, { cwd: path, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const write: TestRepository["write"] = (name, text) => {
    fs.mkdirSync(dirname(join(path, name)), { recursive: true });
    fs.writeFileSync(join(path, name), text);
  };
  fs.mkdirSync(path, { recursive: true });
  git("init", "--quiet", "--initial-branch=main");
  return {
    path,
    git,
    write,
    commit(files, message = "change") {
      for (const [name, text] of Object.entries(files)) write(name, text);
      git("add", "--all");
      git("commit", "--quiet", "--allow-empty", "--message", message);
    },
  };
}

/** Git in no sandbox, said to be in one of this level. */
export function directGit(level: SandboxLevel = "strong"): Git {
  const status: Sandbox["status"] = () => ({ level, probes: [], checkedAt: "", reason: undefined });
  return createGit({ sandbox: { ...createDirectSandbox(), status }, clock: systemClock });
}

export function placeIn(root: string, top = ""): GitPlace {
  return { policy: openPolicy(root), top, signal: new AbortController().signal };
}
