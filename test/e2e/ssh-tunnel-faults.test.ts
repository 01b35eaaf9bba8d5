import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { TunnelReport } from "../../internal/tunnel/types.js";
import { makeKey } from "../fakes/sshd.js";
import { type TunnelledDaemon, withTunnel } from "../support/far-side.js";

/** In which what is tried again would be tried several times. */
const whileMs = 3_000;

/** How often sshd is connected to in that time. */
async function triesIn({ sshd }: TunnelledDaemon): Promise<number> {
  const before = sshd.connections();
  await sleep(whileMs);
  return sshd.connections() - before;
}

const isBlocked = ({ state }: TunnelReport): boolean => state === "blocked";

async function staysBlocked(daemon: TunnelledDaemon, code: string, hint: RegExp): Promise<void> {
  const { pid, fault } = await daemon.tunnelUntil(isBlocked);
  assert.equal([fault?.code, pid], [code, null]);
  assert.match(fault?.hint ?? "", hint);
  assert.is(await triesIn(daemon), 0);
  assert.ok(isBlocked(await daemon.tunnel()));
}

test("what only a person can mend is not tried again until that person says so", () =>
  withTunnel(async (daemon) => {
    const { dir, sshd, far, start, ctl, configureTunnel } = daemon;
    await far.ask("forward", 8765);
    configureTunnel({ identity_file: makeKey(dir, "stranger") });
    await start();
    await staysBlocked(daemon, "SSH_DENIED", /authorized_keys/);
    const waiting = ctl("wait", "--for", "tunnel");
    assert.match(
      await waiting.then(
        () => "",
        (error: Error) => error.message,
      ),
      /authorized_keys/,
    );

    configureTunnel();
    await ctl("reload");
    await ctl("wait", "--for", "tunnel");

    // Another server in its place.
    const own = join(dir, "own");
    copyFileSync(sshd.hostKey, own);
    copyFileSync(makeKey(dir, "impostor"), sshd.hostKey);
    await sshd.stop();
    await sshd.start();
    await staysBlocked(daemon, "SSH_HOST_KEY_CHANGED", /known_hosts_file/);

    copyFileSync(own, sshd.hostKey);
    await sshd.stop();
    await sshd.start();
    assert.is(await triesIn(daemon), 0, "though it would now be let in");
    await ctl("tunnel", "restart");
    await ctl("wait", "--for", "tunnel");
    assert.ok(sshd.connections() > 2, "control: connections are counted");
  }));

test.run();
