import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createNotifier } from "./notify.js";

test("a message that cannot be sent does not keep back the next", async () => {
  const dir = mkdtempSync(join(tmpdir(), "notify-"));
  const said = join(dir, "said");
  writeFileSync(join(dir, "systemd-notify"), `#!/bin/sh\necho "$*" >> '${said}'\n`, { mode: 0o755 });
  const env = { NOTIFY_SOCKET: "/nowhere", PATH: `${dir}:/usr/bin:/bin` };
  try {
    const notifier = createNotifier({ env, pid: process.pid });
    // More than the system takes as one argument: spawn throws E2BIG, as it does ENOMEM.
    notifier.status("x".repeat(200_000));
    notifier.ready("serving");
    notifier.stopping();
    await notifier.close();
    assert.is(readFileSync(said, "utf8"), "READY=1 STATUS=serving\nSTOPPING=1\n");
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test.run();
