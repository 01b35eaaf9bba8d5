import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type RunningLaunch, runLaunch } from "../../../test/fakes/run-launch.js";
import { knownHost, makeKey, type Sshd, startSshd } from "../../../test/fakes/sshd.js";
import { freePort, holdPort } from "../../../test/support/resources.js";
import { sshFaults } from "../faults/ssh.js";
import { TunnelRefusal } from "../refusal.js";
import type { Provider, Sign } from "../types.js";
import type { ConfigOf } from "./launch.js";
import { makeLaunchPlace, samples } from "./launch.test.util.js";
import { ssh } from "./ssh.js";

const place = makeLaunchPlace();
const origin = createServer((_, response) => response.end("from the origin"));
const running = new Set<RunningLaunch>();
let sshd: Sshd;
let originPort = 0;
let otherKey = "";

test.before(async () => {
  sshd = await startSshd(place.dir);
  otherKey = makeKey(place.dir, "other");
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  originPort = (origin.address() as AddressInfo).port;
});
test.after.each(async () => {
  for (const launch of running) launch.kill("SIGKILL");
  await Promise.all([...running].map(({ ended }) => ended));
  running.clear();
});
test.after(async () => {
  origin.closeAllConnections();
  origin.close();
  await sshd.stop();
  place.remove();
});

type SshConfig = ConfigOf<"ssh">;

async function configOf(changes: Partial<SshConfig> = {}): Promise<SshConfig> {
  return {
    ...samples.ssh,
    destination: `${sshd.user}@127.0.0.1`,
    port: sshd.port,
    remoteHost: "127.0.0.1",
    remotePort: await freePort(),
    identityFile: sshd.identityFile,
    knownHostsFile: sshd.knownHostsFile,
    ...changes,
  };
}

async function run(config: SshConfig, provider: Provider = ssh(config)): Promise<RunningLaunch> {
  const launch = runLaunch(await provider.launch(place.context(config, { port: originPort, env: {} })));
  running.add(launch);
  return launch;
}

const isReady = (sign: Sign): boolean => sign.kind === "ready";
const isFault = (sign: Sign): boolean => sign.kind === "fault";

async function faultOf(launch: RunningLaunch): Promise<string> {
  const sign = await launch.until(isFault);
  return sign.kind === "fault" ? `${sign.fault.code} ${sign.fault.class}` : "";
}

async function get(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } })).text();
}

test("requests to the far port reach the origin as soon as it is ready, and no longer once the session is ended", async () => {
  const config = await configOf();
  const launch = await run(config);
  assert.equal(await launch.until(isReady), { kind: "ready" });
  assert.is(await get(config.remotePort), "from the origin");
  sshd.endSessions();
  assert.is(await faultOf(launch), "SSH_CLOSED backoff");
  assert.is(await launch.ended, 255);
  await get(config.remotePort).then(
    () => assert.unreachable("it still listens"),
    () => undefined,
  );
});

test("each way of failing is told apart by what ssh says", async () => {
  const open = join(place.dir, "open");
  copyFileSync(sshd.identityFile, open);
  chmodSync(open, 0o644);
  const changed = join(place.dir, "changed");
  writeFileSync(changed, knownHost(sshd.port, otherKey));
  const empty = join(place.dir, "empty");
  writeFileSync(empty, "");
  const cases: readonly [string, Partial<SshConfig>][] = [
    ["SSH_DENIED blocked", { identityFile: otherKey }],
    ["SSH_KEY_OPEN blocked", { identityFile: open }],
    ["SSH_HOST_KEY_CHANGED blocked", { knownHostsFile: changed }],
    ["SSH_HOST_KEY_UNKNOWN blocked", { knownHostsFile: empty }],
    ["SSH_PORT_TAKEN backoff", { remotePort: sshd.port }],
    ["SSH_UNREACHABLE backoff", { port: await freePort() }],
    ["SSH_NAME_UNKNOWN backoff", { destination: "me@no-such-host.invalid" }],
  ];
  for (const [expected, changes] of cases) {
    const launch = await run(await configOf(changes));
    assert.is(await faultOf(launch), expected);
    assert.is(await launch.ended, 255, expected);
    assert.not.ok(launch.signs.some(isReady), expected);
    assert.is(
      launch.signs.filter((sign) => sign.kind === "fault" && sign.fault.class === "blocked").length,
      expected.endsWith("blocked") ? 1 : 0,
      "the cause is told, not its consequences",
    );
  }
});

test("a port that stays taken blocks at the fifth start in a row, and one that goes free does not", async () => {
  const held = await holdPort();
  const config = await configOf({ remotePort: held.port });
  const provider = ssh(config);
  const codes: string[] = [];
  for (let start = 0; start < 4; start++) codes.push(await faultOf(await run(config, provider)));
  assert.equal(codes, Array(4).fill("SSH_PORT_TAKEN backoff"));
  assert.is(await faultOf(await run(config, provider)), "SSH_PORT_TAKEN blocked");
  assert.is(await faultOf(await run(config, provider)), "SSH_PORT_TAKEN backoff", "counted anew");
  await held.release();
  await (await run(config, provider)).until(isReady);
});

test("a server that is back after it was stopped is reached again", async () => {
  const config = await configOf();
  const provider = ssh(config);
  const first = await run(config, provider);
  await first.until(isReady);
  await sshd.stop();
  await first.ended;
  assert.is(await faultOf(await run(config, provider)), "SSH_UNREACHABLE backoff");
  await sshd.start();
  await (await run(config, provider)).until(isReady);
  assert.is(await get(config.remotePort), "from the origin");
});

test("an origin that is gone does not end the tunnel", async () => {
  const config = await configOf();
  const gone = await freePort();
  const launch = runLaunch(await ssh(config).launch(place.context(config, { port: gone, env: {} })));
  running.add(launch);
  await launch.until(isReady);
  await get(config.remotePort).catch(() => undefined);
  assert.is(await faultOf(launch), "SSH_ORIGIN_UNREACHABLE degraded");
});

test("a shared connection of the owner's configuration is not used", async () => {
  const settings = join(place.dir, "ssh_config");
  mkdirSync(join(place.dir, "masters"));
  const master = ["ControlMaster auto", "ControlPersist yes", `ControlPath ${place.dir}/masters/%C`];
  writeFileSync(settings, ["Host *", ...master].join("\n  "));
  const wrapper = join(place.dir, "configured-ssh");
  writeFileSync(wrapper, `#!/bin/sh\nexec ssh -F '${settings}' "$@"\n`);
  chmodSync(wrapper, 0o755);
  const config = await configOf({ program: wrapper });

  const launch = await run(config);
  await launch.until(isReady);
  launch.kill("SIGKILL");
  await launch.ended;
  await (await run(config)).until(isReady);

  // Control: with the options left out the master stays behind, and the port with it.
  const other = await configOf({ program: wrapper });
  const { argv, ...rest } = await ssh(other).launch(place.context(other, { port: originPort, env: {} }));
  const shared = argv.flatMap((word, at) =>
    word === "-o" && argv[at + 1]?.startsWith("Control") ? [] : [word],
  );
  const [program = "", ...args] = shared.filter((word) => !word.startsWith("Control"));
  const client = runLaunch({ ...rest, argv: [program, ...args] });
  running.add(client);
  await client.until(isReady);
  client.kill("SIGKILL");
  assert.is(await get(other.remotePort), "from the origin");
  execFileSync(wrapper, ["-O", "exit", "-p", String(sshd.port), other.destination], { stdio: "ignore" });
  await client.ended;
});

test("a private key that is not there is told before anything is started", async () => {
  const config = await configOf({ identityFile: join(place.dir, "absent") });
  const refusal = await run(config).then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(refusal instanceof TunnelRefusal);
  assert.is(refusal.fault.code, "SSH_KEY_MISSING");
});

test("every row is recognised by the line it was recorded from", () => {
  for (const row of sshFaults) {
    const first = sshFaults.find(({ pattern }) => pattern.test(row.sample));
    assert.is(first?.code, row.code);
  }
});

test.run();
