import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createDirectSandbox } from "../../test/support/direct-sandbox.js";
import { systemClock } from "../clock/clock.js";
import type { Fault } from "../errs/errs.js";
import type { Sandbox, SandboxLevel } from "../sandbox/types.js";
import { createGit } from "./git.js";
import { directGit, makeFolder, makeRepository, placeIn } from "./git.test.util.js";

const base = makeFolder();
const repository = makeRepository(join(base, "app"));
repository.commit({ 'it\'s $(touch pwned) `x` "y"': "1\n" });
test.after(() => rmSync(base, { recursive: true, force: true }));

const listing = ["ls-files", "-z"];

async function faultOf(run: Promise<unknown>): Promise<Fault | undefined> {
  return run.then(
    () => undefined,
    (error: unknown) => error as Fault,
  );
}

/** A place whose PATH has another program by the name of git. */
function placeWithGit(script: string): ReturnType<typeof placeIn> {
  const bin = join(base, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "git"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, "git"), 0o755);
  const place = placeIn(repository.path);
  return { ...place, policy: { ...place.policy, path: `${bin}:/usr/bin:/bin` } };
}

test("arguments reach git as they are", async () => {
  const name = 'it\'s $(touch pwned) `x` "y"';
  const { stdout } = await directGit().run(placeIn(repository.path), [...listing, "--", name], 1000);
  assert.is(stdout.toString(), `${name}\0`);
  const odd = ["a'b", "$HOME", "new\nline", "*", "", "é", "-x"];
  const echo = placeWithGit('for word; do printf "%s\\0" "$word"; done');
  const said = (await directGit().run(echo, ["log", ...odd], 10_000)).stdout
    .toString()
    .split("\0")
    .slice(0, -1);
  assert.equal(said.slice(said.indexOf("log") + 1), odd);
});

test("output above the limit is cut and the command ended", async () => {
  const endless = placeWithGit("while :; do echo more; done");
  const { stdout, cut } = await directGit().run(endless, ["log"], 10_001);
  assert.equal([stdout.length, cut], [10_001, true]);
});

test("a command without end is stopped: by the time limit, or with its call", async () => {
  const stuck = placeWithGit("sleep 600");
  const sandbox = {
    ...createDirectSandbox(),
    status: () => ({ level: "strong", probes: [], checkedAt: "", reason: undefined }) as const,
  };
  const late = await faultOf(
    createGit({ sandbox, clock: systemClock, timeoutMs: 50 }).run(stuck, ["log"], 1000),
  );
  assert.is(late?.code, "GIT_ERROR");
  assert.match(late?.message ?? "", "longer than");
  const call = new AbortController();
  const cancelled = faultOf(directGit().run({ ...stuck, signal: call.signal }, ["log"], 1000));
  call.abort();
  assert.is((await cancelled)?.code, "CANCELLED");
  assert.is(
    (await faultOf(directGit().run({ ...stuck, signal: call.signal }, ["log"], 1000)))?.code,
    "CANCELLED",
  );
});

test("faults say what happened", async () => {
  const place = placeIn(repository.path);
  const without = { ...place, policy: { ...place.policy, path: "/nowhere" } };
  const missing = await faultOf(directGit().run(without, listing, 1000));
  assert.is(missing?.code, "GIT_ERROR");
  assert.match(missing?.message ?? "", "not found");
  const loud = await faultOf(
    directGit().run(placeWithGit("echo noise >&2; echo 'fatal: it broke' >&2; exit 128"), ["log"], 1000),
  );
  assert.equal([loud?.code, loud?.message], ["GIT_ERROR", "git failed: it broke"]);
  const killed = await faultOf(directGit().run(placeWithGit("kill -KILL $$"), ["log"], 1000));
  assert.is(killed?.code, "GIT_ERROR");
});

test("a repository is refused only while nothing confines git", async () => {
  repository.git("config", "core.fsmonitor", "true");
  const place = placeIn(repository.path);
  assert.is((await faultOf(directGit("none").run(place, listing, 1000)))?.code, "SANDBOX_UNAVAILABLE");
  assert.is((await faultOf(directGit("namespaces").run(place, listing, 1000)))?.code, undefined);
  // A sandbox tests itself when it is first used.
  let level: SandboxLevel = "none";
  const direct = createDirectSandbox();
  const sandbox: Pick<Sandbox, "start" | "status"> = {
    status: () => ({ level, probes: [], checkedAt: "", reason: undefined }),
    start(policy, request) {
      level = "strong";
      return direct.start(policy, request);
    },
  };
  assert.is(await faultOf(createGit({ sandbox, clock: systemClock }).run(place, listing, 1000)), undefined);
  repository.git("config", "--unset", "core.fsmonitor");
  assert.is(await faultOf(directGit("none").run(place, listing, 1000)), undefined);
});

test("a configuration too long to be read is refused", async () => {
  const config = join(repository.path, ".git/config");
  const lines = Array.from(
    { length: 20_000 },
    (_, at) => `[branch "${"x".repeat(60)}${at}"]\n\tremote = r\n`,
  );
  writeFileSync(config, `[core]\n\trepositoryformatversion = 0\n${lines.join("")}`);
  const fault = await faultOf(directGit("none").run(placeIn(repository.path), listing, 1000));
  assert.is(fault?.code, "SANDBOX_UNAVAILABLE");
});

test.run();
