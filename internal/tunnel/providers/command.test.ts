import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type RunningLaunch, runLaunch } from "../../../test/fakes/run-launch.js";
import { freePort } from "../../../test/support/resources.js";
import { command } from "./command.js";
import type { ConfigOf } from "./launch.js";
import { makeLaunchPlace, port } from "./launch.test.util.js";

const place = makeLaunchPlace();
test.after(place.remove);

/** A tunnel's program: tells the port and its environment, listens where it is told, ends at SIGTERM. */
const script = join(place.dir, "tunnel.mjs");
writeFileSync(
  script,
  `#!${process.execPath}
import { createServer } from "node:http";
const [to, health] = process.argv.slice(2).map(Number);
if (health) await new Promise((done) => createServer((_, answer) => answer.end()).listen(health, "127.0.0.1", done));
console.log("forwarding to " + to);
console.error("key is " + process.env.KEY + ", proxy is " + process.env.http_proxy);
setInterval(() => {}, 1000);
`,
);
chmodSync(script, 0o755);

const base: ConfigOf<"command"> = {
  provider: "command",
  argv: [script, "{port}"],
  env: { KEY: "canary-key" },
  url: "https://pub.example.com",
  readyPattern: undefined,
  readyUrl: undefined,
  downPattern: undefined,
  blockedPatterns: [],
};

async function run(changes: Partial<ConfigOf<"command">>): Promise<RunningLaunch> {
  const config = { ...base, ...changes };
  return runLaunch(await command(config).launch(place.context(config)));
}

const ready = { kind: "ready", url: "https://pub.example.com" };

test("an address that no longer answers 200 says that the tunnel is down, but not before it was up", async () => {
  const statuses = [503, 200, 503, 200];
  const server = createServer((_, answer) => answer.writeHead(statuses.shift() ?? 200).end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: health } = server.address() as AddressInfo;
  const config = { ...base, readyUrl: `http://127.0.0.1:${health}/` };
  const { poll } = await command(config).launch(place.context(config));
  const { signal } = new AbortController();
  const kinds: (string | undefined)[] = [];
  for (const _ of statuses.slice()) kinds.push((await poll?.(signal))?.kind);
  server.close();
  server.closeAllConnections();
  await once(server, "close");
  kinds.push((await poll?.(signal))?.kind);
  assert.equal(kinds, [undefined, "ready", "down", "ready", "down"]);
});

for (const [name, changes] of Object.entries({
  "a line that matches": { readyPattern: `^forwarding to ${port}$` },
  "a line of standard error": { readyPattern: "^key is canary-key, proxy is undefined$" },
  "nothing but that it runs": {},
})) {
  test(`a real program is ready by ${name}`, async () => {
    const launch = await run(changes);
    try {
      assert.equal(await launch.until(({ kind }) => kind === "ready"), ready);
    } finally {
      launch.kill("SIGTERM");
      await launch.ended;
    }
  });
}

test("a real program is ready once its address answers, not before", async () => {
  const health = await freePort();
  const readyUrl = `http://127.0.0.1:${health}/`;
  const launch = await run({ argv: [script, "{port}", String(health)], readyUrl });
  try {
    assert.equal(await launch.until(({ kind }) => kind === "ready"), ready);
  } finally {
    launch.kill("SIGTERM");
    await launch.ended;
  }
  const config = { ...base, readyUrl };
  const { poll } = await command(config).launch(place.context(config));
  assert.is(await poll?.(AbortSignal.timeout(5000)), undefined, "nobody listens there any more");
});

test("a line that a blocked pattern names stops the waiting for readiness", async () => {
  const launch = await run({ readyPattern: "never", blockedPatterns: ["^key is"] });
  try {
    const sign = await launch.until(({ kind }) => kind === "fault");
    assert.is(sign.kind === "fault" && sign.fault.class, "blocked");
  } finally {
    launch.kill("SIGTERM");
    await launch.ended;
  }
});

test.run();
