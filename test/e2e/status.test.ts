import { test } from "uvu";
import * as assert from "uvu/assert";
import { withDaemonProcess } from "../support/daemon-process.js";
import { mainOf, startProgram } from "../support/program.js";
import { call } from "../support/rpc.js";

const full = {
  workspaces: [{ id: "app", path: "app", profile: "full" }],
  exec: { permission_mode: "trusted" },
};

test("status names who is there and what runs, without secrets, on a screen of 80 by 24", () =>
  withDaemonProcess(full, async (daemon) => {
    const cmd = `sleep 1000 # ${daemon.token()}`;
    const started = await call(daemon.endpoint, "exec_command", { cmd, yield_time_ms: 0 });
    const { commands, clients } = await daemon.admin.status();
    assert.equal(
      commands.map(({ id, workspace, line, tty }) => [id, workspace, line, tty]),
      [[started.structuredContent.command_id, "app", "sleep 1000 # ***", false]],
    );
    assert.is(clients.recent[0]?.last_tool, "exec_command");
    const program = startProgram(mainOf("ctmcpctl"), {
      args: ["--config", daemon.configPath, "status"],
      env: { HOME: daemon.dir },
    });
    assert.equal(await program.exit, { code: 0, signal: null });
    const lines = program.stdout().trimEnd().split("\n");
    assert.ok(
      lines.some((line) => /^ {2}commands +app {2}sleep 1000 # \*\*\* {2}\d+ s$/.test(line)),
      program.stdout(),
    );
    assert.ok(lines.length <= 24 && lines.every((line) => line.length <= 80), program.stdout());
  }));

test.run();
