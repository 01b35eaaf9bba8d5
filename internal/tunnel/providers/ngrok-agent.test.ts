import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { stringify } from "yaml";
import { type RunningLaunch, runLaunch } from "../../../test/fakes/run-launch.js";
import { freePort, holdPort } from "../../../test/support/resources.js";
import { packageRoot } from "../../version/version.js";
import { makeLaunchPlace, port, samples } from "./launch.test.util.js";
import { ngrok } from "./ngrok.js";

// A real agent, of version 2.3, which is the newest that a package ships: flags and settings differ from today's, what it
// says of its connection does not. It is told to connect to a port where nobody listens.
const agent = fileURLToPath(
  new URL("test/conformance/node_modules/@expo/ngrok-bin-linux-x64/ngrok", packageRoot),
);
const place = makeLaunchPlace();
symlinkSync(agent, join(place.bin, "ngrok"));
test.after(place.remove);

async function run(webAddr: string | false): Promise<RunningLaunch> {
  const context = place.context(samples.ngrok);
  const { argv, env, readSign } = await ngrok(samples.ngrok).launch(context);
  const settings = join(context.directory, "old.yml");
  writeFileSync(
    settings,
    stringify({ server_addr: `127.0.0.1:${await freePort()}`, console_ui: false, web_addr: webAddr }),
  );
  const flags = ["http", "-config", settings, "-log", "stdout", "-log-format", "json", String(port)];
  return runLaunch({ argv: [argv[0], ...flags], env, readSign });
}

test("an agent that reaches nobody is down, and with web_addr false it opens no interface", async () => {
  const launch = await run(false);
  try {
    await launch.until(({ kind }) => kind === "down");
    await launch.until(({ kind }) => kind === "down");
    assert.not.ok(launch.lines.some((line) => line.includes("starting web service")));
    assert.not.ok(launch.signs.some(({ kind }) => kind === "ready"));
  } finally {
    launch.kill("SIGKILL");
    await launch.ended;
  }
});

test("control: with an address it opens one", async () => {
  const launch = await run(`127.0.0.1:${await freePort()}`);
  try {
    await launch.until(({ kind }) => kind === "down");
    assert.ok(launch.lines.some((line) => line.includes("starting web service")));
  } finally {
    launch.kill("SIGKILL");
    await launch.ended;
  }
});

test("an address that is taken is told, and ends it", async () => {
  const held = await holdPort();
  try {
    const launch = await run(`127.0.0.1:${held.port}`);
    const sign = await launch.until(({ kind }) => kind === "fault");
    assert.is(sign.kind === "fault" && sign.fault.code, "NGROK_ADDRESS_IN_USE");
    assert.is(await launch.ended, 1);
  } finally {
    await held.release();
  }
});

test.run();
