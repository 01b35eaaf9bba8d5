import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createNotifier } from "./notify.js";

const folder = mkdtempSync(join(tmpdir(), "notify-"));
test.after(() => rmSync(folder, { recursive: true }));
const seen = join(folder, "seen");

/** A program of that name that leaves what it was told. */
function plant(name: string): string {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${seen}\n`, { mode: 0o755 });
  return file;
}

const env = { NOTIFY_SOCKET: "/run/of-nobody", PATH: `${folder}:/usr/bin:/bin` };

test("a program of that name in PATH is not run", async () => {
  plant("systemd-notify");
  execFileSync("systemd-notify", ["by its name"], { env });
  assert.match(readFileSync(seen, "utf8"), "by its name", "control: looked up in PATH it is");
  rmSync(seen);
  const notifier = createNotifier({ env, pid: process.pid });
  notifier.ready("serving");
  await notifier.close();
  assert.not.ok(existsSync(seen));
});

test("what is said arrives in order, a status once", async () => {
  const notifier = createNotifier({ env, pid: process.pid, program: plant("speaker") });
  notifier.ready("one\nline");
  notifier.status("one\nline");
  notifier.reloading();
  notifier.stopping();
  await notifier.close();
  assert.equal(readFileSync(seen, "utf8").trim().split("\n"), [
    "/run/of-nobody READY=1 STATUS=one line",
    "/run/of-nobody RELOADING=1",
    "/run/of-nobody STOPPING=1",
  ]);
});

test("a message that cannot be sent does not keep back the next", async () => {
  rmSync(seen, { force: true });
  const notifier = createNotifier({ env, pid: process.pid, program: plant("speaker") });
  // More than the system takes as one argument: spawn throws E2BIG, as it does ENOMEM.
  notifier.status("x".repeat(200_000));
  notifier.ready("serving");
  notifier.stopping();
  await notifier.close();
  assert.equal(readFileSync(seen, "utf8").trim().split("\n"), [
    "/run/of-nobody READY=1 STATUS=serving",
    "/run/of-nobody STOPPING=1",
  ]);
});

test("without a manager, and without the program, nothing is run and nothing fails", async () => {
  rmSync(seen, { force: true });
  for (const options of [
    { env: { PATH: folder }, program: plant("speaker") },
    { env, program: join(folder, "missing") },
  ]) {
    const notifier = createNotifier({ ...options, pid: process.pid });
    notifier.ready("serving");
    await notifier.close();
  }
  assert.not.ok(existsSync(seen));
});

test.run();
