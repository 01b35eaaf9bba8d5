import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { makePlace, type Place } from "../support/place.js";
import { mainOf, startProgram } from "../support/program.js";

let place: Place;
test.before.each(() => {
  place = makePlace();
});
test.after.each(() => place.remove());

interface Ended {
  readonly code: number | null;
  readonly log: string;
  readonly stderr: string;
}

/** How the daemon ends that launchd starts, or one that is started by hand. */
async function end({ log }: { log?: string }): Promise<Ended> {
  const flags = log === undefined ? [] : ["--launchd", log];
  const args = ["--config", place.configPath, "--quiet", ...flags];
  const program = startProgram(mainOf("ctmcpd"), { args, env: { HOME: place.dir } });
  const { code } = await program.exit;
  const text = log !== undefined && existsSync(log) ? readFileSync(log, "utf8") : "";
  return { code, log: text, stderr: program.stderr() };
}

const faults: Readonly<Record<string, { code: number; said: RegExp; make: () => void }>> = {
  "bad YAML": {
    code: 78,
    said: /config\.yaml:\d+:\d+: /,
    make: () => writeFileSync(place.configPath, "version: [1\n"),
  },
  "a config that is not there": {
    code: 78,
    said: /there is no config file/,
    make: () => rmSync(place.configPath),
  },
  "a config that others can write": {
    code: 77,
    said: /can be written by others/,
    make: () => chmodSync(place.configPath, 0o666),
  },
};

for (const [what, { code, said, make }] of Object.entries(faults)) {
  test(`${what}: success for launchd, which would start it again and again, and its log says why`, async () => {
    make();
    assert.is((await end({})).code, code);
    const ended = await end({ log: join(place.dir, "logs", "daemon.log") });
    assert.is(ended.code, 0);
    assert.match(ended.log, said);
    assert.is(ended.stderr, "");
  });
}

test("what may pass is a failure for launchd, too", async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  const { port } = holder.address() as { port: number };
  place.configure({ listen: `127.0.0.1:${port}` });
  const ended = await end({ log: join(place.dir, "daemon.log") });
  holder.close();
  assert.is(ended.code, 69);
  assert.match(ended.log, /in use/);
});

test("a log that cannot be written goes where launchd keeps what is left", async () => {
  writeFileSync(join(place.dir, "file"), "");
  chmodSync(place.configPath, 0o666);
  const ended = await end({ log: join(place.dir, "file", "daemon.log") });
  assert.is(ended.code, 0);
  assert.match(ended.stderr, "can be written by others");
});

test.run();
