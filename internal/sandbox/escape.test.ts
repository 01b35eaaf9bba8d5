import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { firstLine, makePlace, type Place } from "./sandbox.test.util.js";

let place: Place;
test.before.each(() => {
  place = makePlace();
  const { at } = place;
  for (const name of ["home/.ssh", "home/app"]) mkdirSync(at(name), { recursive: true });
  writeFileSync(at("home/.ssh/id"), "secret\n");
});
test.after.each(() => place.close());

/** Commands of the workspace `app` in the home directory. */
function app(changes: Parameters<Place["policy"]>[0] = {}) {
  const policy = place.policy({ root: place.at("home/app"), ...changes });
  return async (cmd: string): Promise<string> => {
    const { out, err } = await place.run(cmd, { policy });
    return out + err;
  };
}

test("a folder of PATH in the workspace that becomes a link shows nothing else", async () => {
  const { at } = place;
  mkdirSync(at("home/app/node_modules/.bin"), { recursive: true });
  const run = app({ path: `${at("home/app/node_modules/.bin")}:/usr/bin:/bin` });
  const outside = app({ path: `${at("home/bin")}:/usr/bin:/bin`, id: "outside" });
  symlinkSync("app/node_modules/.bin", at("home/bin"));
  await run("mkdir -p ~/.ssh; mv node_modules nm; mkdir node_modules; ln -s ../../.ssh node_modules/.bin");
  // A repository that appears makes slots be planned anew.
  for (const cmd of ["true", "mkdir .git", "true"]) {
    assert.not.match(await run(`${cmd}; cat ~/.ssh/* node_modules/.bin/*`), "secret");
    assert.not.match(await outside(`cat ~/.ssh/* ${at("home/bin")}/* ~/bin/*`), "secret");
  }
});

test("a folder that the owner opens is not followed to where a command makes it lead", async () => {
  const { at } = place;
  mkdirSync(at("home/app/data"));
  const run = app({ read: [at("home/app/data")] });
  const other = app({ id: "b", root: at("root"), write: [at("home/app/data")], masks: [at("home/app")] });
  await run("mkdir -p ~/.ssh; mv data was; ln -s ../.ssh data");
  assert.not.match(await run(`cat ~/.ssh/* data/*`), "secret");
  await other(`echo x >${at("home/.ssh/new")}; echo x >${at("home/app/data/new")}`);
  assert.equal(readdirSync(at("home/.ssh")), ["id"]);
});

test("what git would run cannot be put in place through a view from before it was pinned", async () => {
  const { at, sandbox } = place;
  const run = app();
  const git = (name: string): string => at(join("home/app/.git", name));
  const early = await sandbox.start(place.policy({ root: at("home/app") }), {
    cmd: `mkdir -p ~/.ssh; echo ready; until [ -e go ]; do sleep 0.05; done
      rm -rf .git/config.worktree; ln -s ../.. .git/config.worktree; touch done`,
    cwd: "",
    env: {},
    signal: new AbortController().signal,
  });
  void early.stderr.read(() => undefined);
  await firstLine(early);
  mkdirSync(git("hooks"), { recursive: true });
  writeFileSync(git("config"), "[core]\n");
  await run("true");
  assert.ok(existsSync(git("config.worktree")), "a place for the mount to lie on");
  await run("touch go; until [ -e done ]; do sleep 0.05; done");
  for (const _ of [1, 2, 3]) {
    // Nothing runs, or nothing is seen.
    const seen = await run("cat ~/.ssh/*").catch(({ code }) => String(code));
    assert.not.match(seen, "secret");
  }
  early.kill("KILL");
  await early.exit;
});

test("a pointer to a repository of a command's own making opens nothing", async () => {
  const { at } = place;
  const run = app();
  const made = at("state/a/tmp/r");
  await run(`mkdir -p /tmp/r/worktrees/w; echo "$PWD/.git" >/tmp/r/worktrees/w/gitdir
    echo "gitdir: ${made}/worktrees/w" >.git`);
  await run("true");
  await run("mv /tmp/r /tmp/was; ln -s ../../../home/.ssh /tmp/r");
  for (const _ of [1, 2, 3]) await run(`echo x >${made}/new`);
  assert.equal(readdirSync(at("home/.ssh")), ["id"]);
});

test("a pipe in the place of what is read to plan a sandbox does not hold up the daemon", async () => {
  const own = place.at("made/worktrees/w");
  mkdirSync(own, { recursive: true });
  spawnSync("mkfifo", [join(own, "gitdir")]);
  writeFileSync(place.at("home/app/.git"), `gitdir: ${own}\n`);
  assert.match(await app()("echo alive"), "alive");
});

test("the repository of a worktree outside is pinned, and its parents cannot be moved", async () => {
  const { at } = place;
  mkdirSync(at("home/app/sub/data/hooks"), { recursive: true });
  writeFileSync(at("home/app/sub/data/config"), "[core]\n");
  writeFileSync(at("home/app/.git"), "gitdir: sub/data\n");
  const run = app();
  assert.match(await run("mv sub elsewhere"), /busy/);
  assert.match(await run("echo x >sub/data/hooks/evil"), /Read-only/);
  await run("echo fine >sub/data/HEAD");
  assert.ok(existsSync(at("home/app/sub/data/HEAD")));
});

test.run();
