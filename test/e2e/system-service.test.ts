import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mainOf } from "../support/program.js";

/** Folders of the whole machine, empty and in a mount namespace of their own; then what `script` does. */
const machine = (script: string): string => `set -e
for dir in /run /var/lib /etc/systemd/system; do mkdir -p $dir; mount -t tmpfs tmpfs $dir; done
mkdir -m 700 /run/coding-tools-mcp /var/lib/coding-tools-mcp
printf 'User=%s\\n' "$(id -un)" >/etc/systemd/system/coding-tools-mcp.service
printf 'version: 1\\nlisten: 127.0.0.1:0\\nworkspaces: [{ path: %s }]\\n' "$HOME/app" >"$HOME/config.yaml"
mkdir "$HOME/app"
chmod 600 "$HOME/config.yaml"
export CTMCP_CONFIG="$HOME/config.yaml"
# As systemd starts it from the unit.
STATE_DIRECTORY=/var/lib/coding-tools-mcp RUNTIME_DIRECTORY=/run/coding-tools-mcp node "$CTMCPD" --quiet 2>/dev/null &
daemon=$!
trap 'kill $daemon 2>/dev/null || :; wait' EXIT
${script}`;

async function onMachine(script: string): Promise<{ code: number; stdout: string }> {
  const home = mkdtempSync(join(tmpdir(), "ctmcp-system-"));
  const file = join(home, "script.sh");
  writeFileSync(file, machine(script));
  const env = { PATH: process.env.PATH, HOME: home, CTMCPD: mainOf("ctmcpd"), CTMCPCTL: mainOf("ctmcpctl") };
  try {
    const { stdout } = await promisify(execFile)("unshare", ["-m", "sh", file], { env });
    return { code: 0, stdout };
  } catch (error) {
    const { code, stdout } = error as { code: number; stdout: string };
    return { code, stdout };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

test("ctmcpctl finds a service of the whole machine that runs as its user", async () => {
  const { code, stdout } = await onMachine(
    'node "$CTMCPCTL" wait && node "$CTMCPCTL" status && node "$CTMCPCTL" audit verify && node "$CTMCPCTL" doctor --json',
  );
  // No systemd runs there, which doctor says of the right unit.
  assert.is(code, 0, stdout);
  assert.match(stdout, /is ready/);
  assert.match(stdout, "in /var/lib/coding-tools-mcp/audit");
  assert.match(stdout, "service: installed, and ");
});

test("root installs it for a user, and takes it away with what it kept", async () => {
  const systemctl = '#!/bin/sh\necho "systemctl $*"\n';
  const { code, stdout } = await onMachine(`mkdir "$HOME/bin"
    printf '%s' '${systemctl}' >"$HOME/bin/systemctl" && chmod 755 "$HOME/bin/systemctl"
    kill $daemon; wait $daemon || :
    PATH="$HOME/bin:$PATH"
    rm /etc/systemd/system/coding-tools-mcp.service
    node "$CTMCPCTL" install --system --user root --read-only --json
    cat /etc/systemd/system/coding-tools-mcp.service /etc/systemd/system/coding-tools-mcp.service.d/readonly.conf
    systemd-analyze verify /etc/systemd/system/coding-tools-mcp.service 2>&1 && echo verified
    node "$CTMCPCTL" uninstall --system --purge 2>&1
    ls -A /etc/systemd/system /var/lib`);
  assert.is(code, 0, stdout);
  for (const line of [
    "User=root",
    "StateDirectory=coding-tools-mcp",
    'ReadWritePaths=-"/var/lib/coding-tools-mcp"',
    "ProtectSystem=strict",
  ])
    assert.match(stdout, `\n${line}\n`);
  assert.match(stdout, /Type=notify(?:.|\n)*\nverified\n/);
  assert.match(stdout, "removed /etc/systemd/system/coding-tools-mcp.service\n");
  assert.match(stdout, /\/etc\/systemd\/system:\n\n\/var\/lib:\n$/);
});

test("one that runs as somebody else is not taken for its own", async () => {
  const { stdout } = await onMachine(
    `node "$CTMCPCTL" wait; echo User=nobody >/etc/systemd/system/coding-tools-mcp.service
    node "$CTMCPCTL" status --json || echo "code $?"`,
  );
  assert.match(stdout, /DAEMON_UNREACHABLE(?:.|\n)*code 3/);
});

test.run();
