import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { TunnelConfig } from "../../../internal/config/config.js";
import { checkLinger, checkPort, checkPrograms, type MachineDeps } from "./machine.js";
import type { Row } from "./row.js";

let folder: string;
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "doctor-"));
});
test.after.each(() => rmSync(folder, { recursive: true }));

const { signal } = new AbortController();

/** Puts a program in the only folder that is searched. */
function install(name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

function deps(): MachineDeps {
  return { path: folder, uid: 1000, signal };
}

function find(rows: readonly Row[], id: string): Row | undefined {
  return rows.find((row) => row.id === id);
}

test("a program that is missing is told with what needs it", async () => {
  const tunnel: TunnelConfig = { provider: "devtunnel", id: "mine", program: undefined };
  const rows = await checkPrograms(deps(), tunnel);
  assert.is(find(rows, "git")?.status, "warn");
  assert.is(find(rows, "tunnel-program")?.status, "fail");
  assert.match(find(rows, "tunnel-program")?.text ?? "", "devtunnel");
});

test("each provider's program is found and asked for its version in its own way", async () => {
  install("ngrok", 'test "$*" = version && echo ngrok version 3.39.10');
  install("cloudflared", 'test "$*" = --version && echo cloudflared version 2026.8.2');
  install("ssh", 'test "$*" = -V && echo OpenSSH_9.2p1 >&2');
  install("frpc", "echo started >&2; exit 1");
  const common = { program: undefined };
  const cases: readonly (readonly [TunnelConfig, RegExp])[] = [
    [{ ...common, provider: "ngrok", authtoken: undefined }, /ngrok version 3\.39\.10/],
    [
      {
        ...common,
        ...{ provider: "cloudflared", token: undefined, id: "x", credentialsFile: undefined },
        ...{ protocol: "auto", ephemeral: false },
      },
      /2026\.8\.2/,
    ],
    [
      {
        ...common,
        ...{ provider: "ssh", destination: "me@example.com", port: undefined, remoteHost: "127.0.0.1" },
        ...{ remotePort: 1, identityFile: undefined, knownHostsFile: undefined },
      },
      /OpenSSH_9\.2p1/,
    ],
  ];
  for (const [tunnel, version] of cases) {
    const row = find(await checkPrograms(deps(), tunnel), "tunnel-program");
    assert.is(row?.status, "ok", tunnel.provider);
    assert.match(row?.text ?? "", version);
  }
});

test("the program of a command is looked for and never run", async () => {
  install("frpc", `touch ${folder}/was-run`);
  const tunnel: TunnelConfig = {
    ...{ provider: "command", argv: ["frpc"], env: {}, url: undefined, readyPattern: undefined },
    ...{ readyUrl: undefined, downPattern: undefined, blockedPatterns: [] },
  };
  assert.is(find(await checkPrograms(deps(), tunnel), "tunnel-program")?.text, `frpc: ${folder}/frpc`);
  assert.throws(() => rmSync(join(folder, "was-run")), /ENOENT/);
});

test("of what a program prints one line is shown", async () => {
  install("git", "printf '\\033[2Jgit version 1\\nmore\\n'");
  const [line] = [find(await checkPrograms(deps(), undefined), "git")?.text ?? ""];
  assert.ok(line.endsWith("git version 1"), line);
});

test("linger: on, off, and where systemd keeps no users", async () => {
  const statuses: (string | undefined)[] = [];
  for (const script of [
    'test "$*" = "show-user 1000 --property=Linger --value" && echo yes',
    "echo no",
    "echo 'Failed to connect to bus' >&2; exit 1",
  ]) {
    install("loginctl", script);
    statuses.push((await checkLinger(deps()))[0]?.status);
  }
  assert.equal(statuses, ["ok", "warn", undefined]);
  rmSync(join(folder, "loginctl"));
  assert.equal(await checkLinger(deps()), []);
});

test("a port that cannot be had for another reason than being taken", async () => {
  const [row] = await checkPort({ host: "192.0.2.1", port: 8765 }, deps());
  assert.is(row?.status, "fail");
  assert.match(row?.text ?? "", "EADDRNOTAVAIL");
  assert.equal(await checkPort({ host: "127.0.0.1", port: 0 }, deps()), []);
});

test.run();
