import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadProgram } from "../../scripts/program.js";
import { launch, withDaemonProcess } from "../support/daemon-process.js";
import { modern } from "../support/mcp-harness.js";
import { makePlace, type Place } from "../support/place.js";
import { mainOf, startProgram } from "../support/program.js";
import { holdPort } from "../support/resources.js";
import { post } from "../support/rpc.js";

async function withPlace(run: (place: Place) => Promise<void>): Promise<void> {
  const place = makePlace();
  await run(place).finally(() => place.remove());
}

/** What is wrong at the start, the exit code, and what a person is told. */
const refusals: Readonly<Record<string, [spoil: (place: Place) => void, code: number, told: RegExp]>> = {
  "a configuration that is missing": [
    ({ configPath }) => rmSync(configPath),
    78,
    /^error: there is no config file at .*\nhint: .*ctmcpctl init/,
  ],
  "a configuration that is invalid": [
    ({ configPath, yaml }) => writeFileSync(configPath, `${yaml()}profil: full\n`),
    78,
    /config\.yaml:6:1: .*profil.*: .*profile[\s\S]*^error: .*has 1 problem/m,
  ],
  "a configuration that is empty": [
    ({ configPath }) => writeFileSync(configPath, ""),
    78,
    /^error: .*problem/m,
  ],
  "a configuration that others may write": [
    ({ configPath }) => chmodSync(configPath, 0o666),
    77,
    /^error: .* can be written by others.*0666\nhint: run: chmod go-w /,
  ],
  "a token file that others may read": [
    ({ configure, dir }) => {
      writeFileSync(join(dir, "token"), "0123456789abcdef0123456789abcdef\n", { mode: 0o644 });
      configure({ auth: { token_file: "token" } });
    },
    78,
    /config\.yaml:6:\d+: .* holds a secret and has mode 0644: run: chmod 600 /,
  ],
  "a state directory that others may enter": [
    ({ dir }) => mkdirSync(join(dir, "state"), { mode: 0o755 }),
    77,
    /^error: .*state is open to others, it has mode 0755\nhint: run: chmod 700 /m,
  ],
};

for (const [what, [spoil, code, told]] of Object.entries(refusals)) {
  test(`${what} ends it with ${code}`, async () => {
    await withPlace(async (place) => {
      spoil(place);
      const program = launch(place);
      assert.equal(await program.exit, { code, signal: null });
      assert.match(program.stderr(), told);
      assert.is(program.stdout(), "");
    });
  });
}

test("a second daemon on the same runtime directory names the first, which goes on", async () => {
  await withDaemonProcess({}, async (daemon) => {
    const second = launch(daemon);
    assert.is((await second.exit).code, 69);
    assert.match(second.stderr(), `already running as pid ${daemon.program.pid}`);
    assert.is((await daemon.admin.status()).pid, daemon.program.pid);
    assert.is((await post(daemon.endpoint, modern("tools/list"))).status, 200);
  });
});

test("a port in use ends it with 69 and leaves nothing behind", async () => {
  const taken = await holdPort();
  await withPlace(async (place) => {
    place.configure({ listen: `127.0.0.1:${taken.port}` });
    const program = launch(place);
    assert.is((await program.exit).code, 69);
    assert.match(program.stderr(), `127.0.0.1:${taken.port} is already in use`);
    assert.equal(readdirSync(join(place.dir, "run")), []);
  });
  await taken.release();
});

test("every program comes with what was compiled of it", () => {
  for (const name of ["ctmcpd", "ctmcpctl", "coding-tools-mcp"] as const) {
    assert.ok(loadProgram(mainOf(name).replace(/cjs$/, "body.js")).isCompiled, name);
  }
});

test("flags", async () => {
  for (const [args, code, stdout, stderr] of [
    [["--help"], 0, /^usage: ctmcpd/, /^$/],
    [["--version"], 0, /^ctmcpd \d+\.\d+\.\d+/, /^$/],
    [["--confg", "x"], 2, /^$/, /^error: .*--confg/],
    [["serve"], 2, /^$/, /^error: .*serve/],
  ] as const) {
    const program = startProgram(mainOf("ctmcpd"), { args });
    assert.is((await program.exit).code, code);
    assert.match(program.stdout(), stdout);
    assert.match(program.stderr(), stderr);
  }
});

test("--quiet, and a service manager, are spared the instructions", async () => {
  await withDaemonProcess({}, async ({ program }) => {
    await program.until("stdout", /MCP endpoint/);
  });
  await withPlace(async (place) => {
    const program = launch(place, { INVOCATION_ID: "of a unit" });
    await program.until("stderr", /"ready"/);
    program.child.kill("SIGTERM");
    assert.is((await program.exit).code, 0);
    assert.is(program.stdout(), "");
  });
});

test("it goes on when nobody reads its instructions", async () => {
  await withPlace(async (place) => {
    const program = launch(place);
    program.child.stdout?.destroy();
    await program.until("stderr", /"ready"/);
    assert.is((await place.admin.status()).state, "ready");
    await program.kill();
  });
});

test.run();
