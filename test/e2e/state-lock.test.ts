import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { auditDir } from "../../internal/audit/files.js";
import { verifyAudit } from "../../internal/audit/verify.js";
import { launch } from "../support/daemon-process.js";
import { makePlace, type Place } from "../support/place.js";
import type { Program } from "../support/program.js";

/** A home in which the directories are those of the environment, as for a user who has two sessions. */
interface Home {
  readonly place: Place;
  readonly stateDir: string;
  /** Starts a daemon from a session with a runtime directory of its own. */
  start(session: string): Program;
  locks(): readonly string[];
}

async function withHome(test: (home: Home) => Promise<void>): Promise<void> {
  const place = makePlace();
  const programs: Program[] = [];
  const workspaces = JSON.stringify([{ id: "app", path: "app", profile: "full" }]);
  writeFileSync(place.configPath, `version: 1\nlisten: 127.0.0.1:0\nworkspaces: ${workspaces}\n`);
  const stateDir = join(place.dir, ".local/state/coding-tools-mcp");
  try {
    await test({
      place,
      stateDir,
      start(session) {
        const runtime = join(place.dir, session);
        mkdirSync(runtime, { recursive: true, mode: 0o700 });
        const program = launch(place, { XDG_RUNTIME_DIR: runtime });
        programs.push(program);
        return program;
      },
      locks: () => readdirSync(stateDir).filter((name) => name.startsWith("lock.")),
    });
  } finally {
    await Promise.all(programs.map((program) => program.kill()));
    place.remove();
  }
}

const ready = (program: Program): Promise<unknown> => program.until("stderr", /"message":"ready"/);

test("a second daemon on the same state is refused, whatever its runtime directory, and has touched nothing", () =>
  withHome(async ({ stateDir, start }) => {
    const first = start("one");
    await ready(first);
    // What a change that is under way looks like; a daemon that starts would put it right.
    const pending = join(stateDir, "undo", "0-a.pending");
    mkdirSync(join(stateDir, "undo"), { recursive: true, mode: 0o700 });
    writeFileSync(pending, "", { mode: 0o600 });
    const second = start("two");
    assert.is((await second.exit).code, 69);
    assert.match(second.stderr(), `already running as pid ${first.pid} on the state in ${stateDir}`);
    assert.match(second.stderr(), `hint: stop it first: kill ${first.pid}`);
    assert.ok(readdirSync(join(stateDir, "undo")).includes("0-a.pending"));
    first.child.kill("SIGTERM");
    assert.is((await first.exit).code, 0);
    assert.is(verifyAudit(auditDir(stateDir)).flaw, null);
  }));

test("control: without the lock both are ready, change under way and chain of records are harmed", () =>
  withHome(async ({ stateDir, start, locks }) => {
    const first = start("one");
    await ready(first);
    mkdirSync(join(stateDir, "undo"), { recursive: true, mode: 0o700 });
    writeFileSync(join(stateDir, "undo", "0-a.pending"), "", { mode: 0o600 });
    for (const name of locks()) rmSync(join(stateDir, name));
    const second = start("two");
    await ready(second);
    assert.not.ok(readdirSync(join(stateDir, "undo")).includes("0-a.pending"));
    for (const program of [first, second]) {
      program.child.kill("SIGTERM");
      await program.exit;
    }
    assert.is.not(verifyAudit(auditDir(stateDir)).flaw, null);
  }));

test("a daemon that was killed holds nothing, and one that ends leaves nothing", () =>
  withHome(async ({ start, locks }) => {
    const killed = start("one");
    await ready(killed);
    await killed.kill();
    assert.is(locks().length, 1, "control: its lock is still there");
    const next = start("two");
    await ready(next);
    assert.is(locks().length, 1);
    next.child.kill("SIGTERM");
    assert.is((await next.exit).code, 0);
    assert.equal(locks(), []);
  }));

test("a start that fails leaves nothing", () =>
  withHome(async ({ place, stateDir, start, locks }) => {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    mkdirSync(join(stateDir, "bearer-token"));
    const failed = start("one");
    assert.is.not((await failed.exit).code, 0);
    rmSync(join(stateDir, "bearer-token"), { recursive: true });
    assert.equal(locks(), [], place.dir);
  }));

test.run();
