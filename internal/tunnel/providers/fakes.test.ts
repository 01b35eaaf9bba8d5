import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { endings } from "../../../test/fakes/endings.js";
import { type FakeName, installFake } from "../../../test/fakes/install.js";
import { type RunningLaunch, runLaunch } from "../../../test/fakes/run-launch.js";
import type { TunnelConfig } from "../../config/config.js";
import type { Launch, Provider, Sign } from "../types.js";
import { providerOf } from "./index.js";
import { makeLaunchPlace, port, samples } from "./launch.test.util.js";

// The vendors' programs need the internet and an account: these paths are tested with programs that take the same
// arguments and say the same words, made from the same tables.
const place = makeLaunchPlace();
const running = new Set<RunningLaunch>();
test.after.each(async () => {
  for (const launch of running) launch.kill("SIGKILL");
  await Promise.all([...running].map(({ ended }) => ended));
  running.clear();
});
test.after(place.remove);

const credentialsFile = join(place.dir, "9c0d.json");
writeFileSync(credentialsFile, "{}");
const tokenFile = join(place.dir, "token");
writeFileSync(tokenFile, "canary-token\n");

const cases: Readonly<Record<string, { fake: FakeName; config: TunnelConfig; url?: string }>> = {
  ngrok: { fake: "ngrok", config: samples.ngrok },
  "cloudflared by token": { fake: "cloudflared", config: samples.dashboard },
  "cloudflared by token file": {
    fake: "cloudflared",
    config: { ...samples.dashboard, token: { file: tokenFile, value: "canary-token" } },
  },
  "cloudflared by credentials": { fake: "cloudflared", config: { ...samples.local, credentialsFile } },
  "cloudflared quick": {
    fake: "cloudflared",
    config: samples.quick,
    url: "https://calm-lake-plain-stone.trycloudflare.com",
  },
  devtunnel: {
    fake: "devtunnel",
    config: samples.devtunnel,
    url: `https://x1y2z3-${port}.euw.devtunnels.ms`,
  },
  openai: { fake: "tunnel-client", config: samples.openai },
};

let installs = 0;
async function launchOf(fake: FakeName, config: TunnelConfig, scenario: string): Promise<[Launch, Provider]> {
  const bin = join(place.dir, `bin-${installs++}`);
  mkdirSync(bin);
  installFake(bin, fake, scenario);
  const provider = providerOf(config);
  return [await provider.launch(place.context(config, { path: `${bin}:/usr/bin:/bin` })), provider];
}

function run(launch: Launch): RunningLaunch {
  const started = runLaunch(launch);
  running.add(started);
  return started;
}

const isReady = (sign: Sign): boolean => sign.kind === "ready";
const isDown = (sign: Sign): boolean => sign.kind === "down";
const isFault = (sign: Sign): boolean => sign.kind === "fault";

for (const [name, { fake, config, url }] of Object.entries(cases)) {
  test(`${name}: connected, lost and back`, async () => {
    const [launch] = await launchOf(fake, config, "ready");
    const child = run(launch);
    const ready: Sign = url === undefined ? { kind: "ready" } : { kind: "ready", url };
    assert.equal(await child.until(isReady), ready);
    child.kill("SIGUSR1");
    await child.until(isDown);
    child.kill("SIGUSR2");
    assert.equal(await child.until(isReady), ready);
  });
}

for (const name of ["ngrok", "cloudflared by token", "devtunnel", "openai"]) {
  const { fake, config } = cases[name] as { fake: FakeName; config: TunnelConfig };
  for (const row of providerOf(config).faults) {
    test(`${name}: ${row.code}`, async () => {
      const [launch] = await launchOf(fake, config, `fault ${row.code}`);
      const { code, class: kind, text, hint } = row;
      const child = run(launch);
      const sign = await child.until(isFault);
      assert.equal(sign, { kind: "fault", fault: { code, class: kind, text, hint } });
      const ending = endings[fake][code];
      // Ended by us, and by nothing before, it has no code.
      if (ending === "goes on") child.kill("SIGKILL");
      assert.is(await child.ended, ending === "goes on" ? null : ending);
    });
  }
  test(`${name}: what is noted about its end is about rows that there are`, () => {
    const codes = providerOf(config).faults.map(({ code }) => code);
    assert.equal(Object.keys(endings[fake]).sort(), codes.sort());
  });
}

test("a reserve that keeps no request away is told once, then it is ready", async () => {
  const { fake, config } = cases.openai as { fake: FakeName; config: TunnelConfig };
  const [launch] = await launchOf(fake, config, "fault OPENAI_PROBE_SLOW");
  const child = run(launch);
  await child.until(isReady);
  assert.equal(
    child.signs.filter(isFault).map((sign) => sign.kind === "fault" && sign.fault.code),
    ["OPENAI_PROBE_SLOW"],
  );
});

test("control: the fakes refuse a flag, a variable or settings that the real ones would not have", async () => {
  const wrong: readonly [FakeName, TunnelConfig, (launch: Launch) => Partial<Launch>][] = [
    ["ngrok", samples.ngrok, ({ argv }) => ({ argv: [...argv, "--domain", "x"] })],
    ["ngrok", samples.ngrok, ({ argv }) => ({ argv: withValue(argv, "--config", "/dev/null") })],
    ["ngrok", samples.ngrok, ({ env }) => ({ env: { ...env, http_proxy: "http://127.0.0.1:1" } })],
    ["cloudflared", samples.dashboard, ({ argv }) => ({ argv: [...argv, "--metrics", "127.0.0.1:1"] })],
    ["cloudflared", samples.dashboard, ({ argv }) => ({ argv: [...argv, "--token", "x"] })],
    ["cloudflared", samples.quick, ({ env }) => ({ env: { ...env, TUNNEL_TOKEN: "x" } })],
    ["cloudflared", { ...samples.local, credentialsFile: tokenFile }, () => ({})],
    ["devtunnel", samples.devtunnel, ({ argv }) => ({ argv: [...argv, "--protocol", "http"] })],
    ["tunnel-client", samples.openai, ({ argv }) => ({ argv: [...argv, "--open-web-ui"] })],
    ["tunnel-client", samples.openai, ({ env }) => ({ env: { ...env, OPENAI_API_KEY: "x" } })],
  ];
  for (const [fake, config, change] of wrong) {
    const [launch] = await launchOf(fake, config, "ready");
    const child = run({ ...launch, ...change(launch) });
    assert.is(await child.ended, 2, `${fake}: ${child.lines.join("\n")}`);
  }
});

function withValue(argv: Launch["argv"], flag: string, value: string): Launch["argv"] {
  const [program, ...args] = argv;
  return [program, ...args.map((word, at) => (args[at - 1] === flag ? value : word))];
}

test("an endpoint that does not listen yet says nothing; one that does not answer is an error", async () => {
  const [launch] = await launchOf("cloudflared", samples.dashboard, "silent");
  assert.is(await launch.poll?.(AbortSignal.timeout(5000)), undefined);
  const deaf = createServer(() => undefined).listen(0, "127.0.0.1");
  await once(deaf, "listening");
  try {
    const provider = providerOf(samples.dashboard);
    const { port: metrics } = deaf.address() as AddressInfo;
    const context = place.context(samples.dashboard, { freePort: async () => metrics });
    installFake(place.bin, "cloudflared");
    const { poll } = await provider.launch(context);
    await poll?.(AbortSignal.timeout(100)).then(
      () => assert.unreachable("it answered"),
      (error: Error) => assert.match(error.name, /AbortError|TimeoutError/),
    );
  } finally {
    deaf.closeAllConnections();
    deaf.close();
  }
});

test("standing connected but silent is not ready", async () => {
  const [launch] = await launchOf("cloudflared", samples.dashboard, "silent");
  const child = run(launch);
  await child.until(isDown);
  assert.not.ok(child.signs.some(isReady));
});

test.run();
