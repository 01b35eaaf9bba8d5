import * as fs from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import { createSandbox } from "../sandbox/sandbox.js";
import { readBlame } from "./blame.js";
import { readDiff } from "./diff.js";
import { createGit, type Git, type GitPlace } from "./git.js";
import { directGit, makeFolder, makeRepository, placeIn, type TestRepository } from "./git.test.util.js";
import { readLog } from "./log.js";
import { gitPolicy } from "./policy.js";
import { readShow } from "./show.js";
import { readStatus } from "./status.js";

// Repositories that make git run a program of theirs. The program leaves a mark on the host if it can, and one in its
// home directory, so that it is seen to have run inside the sandbox too.
const base = makeFolder();
const folder = (name: string): string => {
  fs.mkdirSync(join(base, name), { recursive: true });
  return join(base, name);
};
const marks = folder("marks");
const home = folder("home");
const program = join(folder("bin"), "planted");
fs.writeFileSync(
  program,
  `#!/bin/sh\ntouch "${marks}/$1" "$HOME/$1" 2>/dev/null\n[ -n "$2" ] || exec cat\n`,
  {
    mode: 0o755,
  },
);

const sandbox = createSandbox({
  minimum: () => "namespaces",
  runtimeDir: folder("run"),
  homeDirectory: homedir(),
  clock: systemClock,
  uid: process.getuid?.() ?? 0,
});
const confined = createGit({ sandbox, clock: systemClock });

test.before(async () => {
  await sandbox.selfTest();
});
test.after(async () => {
  await sandbox.close();
  fs.rmSync(base, { recursive: true, force: true });
});

function confinedPlace(repository: TestRepository): GitPlace {
  const { policy, signal } = placeIn(repository.path);
  const dirs = { home, tmp: folder("tmp"), cache: folder("cache"), read: [program] };
  return { policy: gitPolicy({ ...policy, id: repository.path, ...dirs }), top: "", signal };
}

/** Every question the tools ask; what fails says so by its code. */
async function askAll(git: Git, place: GitPlace): Promise<readonly string[]> {
  const paths: string[] = [];
  const patch = { paths, contextLines: 3, maxBytes: 262_144 };
  const blame = { path: "a.txt", startLine: 1, endLine: undefined, maxLines: 10 };
  const calls = [
    () => readStatus(git, place, { paths, includeUntracked: true, maxEntries: 100 }),
    () => readDiff(git, place, { ...patch, unstaged: true, staged: true }),
    () => readLog(git, place, { paths: ["a.txt"], ref: "HEAD", maxCount: 10, skip: 0 }),
    () => readShow(git, place, { ...patch, rev: "HEAD", includeDiff: true }),
    () => readBlame(git, place, { ...blame, rev: undefined }),
    () => readBlame(git, place, { ...blame, rev: "HEAD" }),
  ];
  const codes: string[] = [];
  for (const call of calls) {
    codes.push(
      await call().then(
        () => "ok",
        (error: unknown) => (error instanceof Fault ? error.code : String(error)),
      ),
    );
  }
  return codes;
}

interface Trap {
  readonly name: string;
  plant(repository: TestRepository, command: string): void;
  /** Plain git commands of which at least one falls into it. */
  readonly control: readonly (readonly string[])[];
  /** It runs within the sandbox: no option of git keeps it from doing so. */
  readonly inside?: boolean;
  /** Without a sandbox the repository is refused. */
  readonly refused?: boolean;
}

const status = ["status"];
const diff = ["diff"];
const attribute = (repository: TestRepository, text: string): void =>
  repository.write(".gitattributes", `*.txt ${text}\n`);

const traps: readonly Trap[] = [
  {
    name: "fsmonitor",
    plant: (repository, command) => repository.git("config", "core.fsmonitor", command),
    control: [status],
    refused: true,
  },
  {
    name: "hooks-path",
    plant: (repository, command) => {
      repository.write("hooks/post-index-change", `#!/bin/sh\n${command} </dev/null\n`);
      fs.chmodSync(join(repository.path, "hooks/post-index-change"), 0o755);
      repository.git("config", "core.hooksPath", "hooks");
    },
    control: [status],
    refused: true,
  },
  {
    name: "hook",
    plant: (repository, command) => {
      const hook = join(repository.path, ".git/hooks/post-index-change");
      fs.mkdirSync(join(repository.path, ".git/hooks"), { recursive: true });
      fs.writeFileSync(hook, `#!/bin/sh\n${command} </dev/null\n`, { mode: 0o755 });
    },
    control: [status],
  },
  {
    name: "textconv",
    plant: (repository, command) => {
      attribute(repository, "diff=evil");
      repository.git("config", "diff.evil.textconv", `${command} <`);
    },
    control: [diff, ["blame", "a.txt"], ["log", "-p"]],
    refused: true,
  },
  {
    name: "diff-driver",
    plant: (repository, command) => {
      attribute(repository, "diff=evil");
      repository.git("config", "diff.evil.command", command);
    },
    control: [diff],
    refused: true,
  },
  {
    name: "diff-external",
    plant: (repository, command) => repository.git("config", "diff.external", command),
    control: [diff],
    refused: true,
  },
  {
    name: "gpg",
    plant: (repository, command) => {
      const script = join(repository.path, "gpg");
      repository.write("gpg", `#!/bin/sh\n${command} </dev/null\n`);
      fs.chmodSync(script, 0o755);
      const signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n x\n -----END PGP SIGNATURE-----";
      const commit = repository.git("cat-file", "commit", "HEAD").replace("\n\n", `\n${signature}\n\n`);
      fs.writeFileSync(join(base, "commit"), commit);
      const signed = repository.git("hash-object", "-t", "commit", "-w", join(base, "commit")).trim();
      repository.git("update-ref", "HEAD", signed);
      repository.git("config", "gpg.program", script);
      repository.git("config", "log.showSignature", "true");
    },
    control: [["log"]],
  },
  {
    name: "lazy-fetch",
    plant: (repository, command) => {
      const blob = repository.git("rev-parse", "HEAD:a.txt").trim();
      fs.rmSync(join(repository.path, ".git/objects", blob.slice(0, 2), blob.slice(2)));
      repository.git("config", "core.repositoryFormatVersion", "1");
      repository.git("config", "extensions.partialClone", "origin");
      repository.git("config", "remote.origin.promisor", "true");
      repository.git("config", "remote.origin.url", `ext::${command} end`);
      repository.git("config", "protocol.ext.allow", "always");
    },
    control: [["show"]],
  },
  {
    name: "filter-clean",
    plant: (repository, command) => {
      attribute(repository, "filter=evil");
      repository.git("config", "filter.evil.clean", command);
    },
    control: [diff],
    inside: true,
    refused: true,
  },
  {
    name: "filter-process",
    plant: (repository, command) => {
      attribute(repository, "filter=evil");
      repository.git("config", "filter.evil.process", command);
      repository.git("config", "filter.evil.required", "true");
    },
    control: [diff, ["blame", "a.txt"]],
    inside: true,
    refused: true,
  },
  {
    name: "include",
    plant: (repository, command) => {
      attribute(repository, "filter=evil");
      repository.write("more.cfg", `[filter "evil"]\n\tclean = ${command}\n`);
      repository.git("config", "include.path", "../more.cfg");
    },
    control: [diff],
    inside: true,
    refused: true,
  },
  {
    name: "include-if",
    plant: (repository, command) => {
      attribute(repository, "filter=evil");
      repository.write("more.cfg", `[filter "evil"]\n\tclean = ${command}\n`);
      repository.git("config", "includeIf.onbranch:main.path", "../more.cfg");
    },
    control: [diff],
    inside: true,
    refused: true,
  },
  {
    name: "submodule",
    plant: (repository, command) => {
      const inner = makeRepository(`${repository.path}-inner`);
      inner.commit({ "a.txt": "1\n", ".gitattributes": "*.txt filter=evil\n" });
      repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.path, "sub");
      repository.git("-C", "sub", "config", "filter.evil.clean", command);
      repository.write("sub/a.txt", "2\n");
    },
    control: [status],
    inside: true,
  },
];

/** A repository with the trap, in which a tracked file has changed in the same second and size. */
function trapped(trap: Trap, suffix: string): { repository: TestRepository; mark: string } {
  const mark = `${trap.name}-${suffix}`;
  const repository = makeRepository(join(base, "repositories", mark));
  repository.commit({ "a.txt": "1\n" });
  repository.commit({ "a.txt": "2\n", "b.txt": "1\n" });
  trap.plant(repository, `${program} ${mark}`);
  repository.write("a.txt", "3\n");
  const soon = new Date(Date.now() + 5000);
  fs.utimesSync(join(repository.path, "b.txt"), soon, soon);
  return { repository, mark };
}

const hasRunOnHost = (mark: string): boolean => fs.existsSync(join(marks, mark));
const hasRunInside = (mark: string): boolean => fs.existsSync(join(home, mark));

for (const trap of traps) {
  test(`${trap.name}: plain git falls into it`, () => {
    const { repository, mark } = trapped(trap, "control");
    for (const args of trap.control) {
      try {
        repository.git(...args);
      } catch {
        // What it planted need not make git succeed.
      }
    }
    assert.ok(hasRunOnHost(mark));
  });

  test(`${trap.name}: nothing runs outside of the sandbox`, async () => {
    const { repository, mark } = trapped(trap, "confined");
    const codes = await askAll(confined, confinedPlace(repository));
    assert.not(hasRunOnHost(mark));
    assert.is(hasRunInside(mark), trap.inside === true, codes.join());
    assert.not.ok(codes.includes("SANDBOX_UNAVAILABLE"));
    if (!trap.inside && trap.name !== "lazy-fetch") assert.equal(new Set(codes), new Set(["ok"]));
  });

  test(`${trap.name}: without a sandbox it is refused, or does not run`, async () => {
    const { repository, mark } = trapped(trap, "bare");
    const codes = await askAll(directGit("none"), placeIn(repository.path));
    assert.not(hasRunOnHost(mark));
    assert.is(new Set(codes).has("SANDBOX_UNAVAILABLE"), trap.refused === true, codes.join());
    if (trap.refused) assert.is(new Set(codes).size, 1);
  });
}

test("git can write nothing in the workspace", async () => {
  const repository = makeRepository(join(base, "repositories", "written"));
  repository.commit({ "a.txt": "1\n" });
  const write = ["update-ref", "refs/heads/new", "HEAD"];
  const refused = await confined.run(confinedPlace(repository), write, 1000).catch((error: unknown) => error);
  assert.match(String(refused), "Read-only file system");
  await directGit().run(placeIn(repository.path), write, 1000);
  assert.match(repository.git("branch"), "new");
});

test("a linked work tree is read through its repository outside the workspace", async () => {
  const main = makeRepository(join(base, "repositories", "main"));
  main.commit({ "a.txt": "1\n" });
  const tree = join(base, "repositories", "tree");
  main.git("worktree", "add", "--quiet", tree);
  const place = confinedPlace({ ...main, path: tree });
  const request = { paths: [], includeUntracked: true, maxEntries: 10 };
  assert.is((await readStatus(confined, place, request)).branch, "tree");
  const narrow = { ...place, policy: { ...place.policy, id: "narrow", read: [] } };
  const hidden = await readStatus(confined, narrow, request).catch((error: unknown) => error);
  assert.match(String(hidden), "not a git repository");
});

test("a filter that fails is reported by name", async () => {
  const { repository } = trapped(traps.find(({ name }) => name === "filter-process") as Trap, "named");
  const place = confinedPlace(repository);
  const fault = await readDiff(confined, place, {
    paths: [],
    unstaged: true,
    staged: false,
    contextLines: 3,
    maxBytes: 1000,
  }).then(
    () => undefined,
    (error: unknown) => error as Fault,
  );
  assert.is(fault?.code, "GIT_ERROR");
  assert.match(fault?.message ?? "", 'repository filter refused: "evil"');
});

test("what refuses a repository names the keys", async () => {
  const { repository } = trapped(traps.find(({ name }) => name === "filter-process") as Trap, "keys");
  const request = { paths: [], includeUntracked: true, maxEntries: 10 };
  const fault = await readStatus(directGit("filesystem-only"), placeIn(repository.path), request).then(
    () => undefined,
    (error: unknown) => error as Fault,
  );
  assert.equal(fault?.details.keys, ["filter.evil.process", "filter.evil.required"]);
});

test.run();
