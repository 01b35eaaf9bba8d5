import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readUnit, renderReadOnly, renderSocket, renderUnit } from "./systemd-unit.js";

const dir = mkdtempSync(join(tmpdir(), "unit-"));
test.after(() => rmSync(dir, { recursive: true }));

// Everything a path may hold that systemd would read as something else; of a program it takes no more than this.
const odd = join(dir, 'a "b" $HOME 50%h \\n');
const nodes = join(dir, "50%h of $it");
for (const folder of [odd, nodes]) mkdirSync(folder);
symlinkSync(process.execPath, join(nodes, "node"));
const description = {
  node: join(nodes, "node"),
  program: join(odd, "ctmcpd.cjs"),
  configPath: join(odd, "config.yaml"),
  environment: { PATH: `${odd}:/usr/bin`, XDG_STATE_HOME: odd },
  scope: { kind: "user" },
} as const;
const system = { ...description, scope: { kind: "system", user: "root" } } as const;

/** What systemd-analyze has to say; its exit code tells nothing. */
function complaints(name: string, unit: string, dropIn?: string): string {
  const folder = mkdtempSync(join(dir, "verify-"));
  const file = join(folder, name);
  writeFileSync(file, unit);
  if (name.endsWith(".socket")) writeFileSync(file.replace(/socket$/, "service"), renderUnit(description));
  if (dropIn !== undefined) {
    mkdirSync(`${file}.d`);
    writeFileSync(join(`${file}.d`, "readonly.conf"), dropIn);
  }
  const { stderr, error } = spawnSync("systemd-analyze", ["--man=no", "verify", file], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, XDG_RUNTIME_DIR: dir, SYSTEMD_UNIT_PATH: `${folder}:` },
  });
  if (error) throw error;
  return stderr;
}

for (const [name, of] of Object.entries({ user: description, system })) {
  test(`the unit of a ${name} service is to systemd's liking, with the drop-in and without`, () => {
    const unit = renderUnit(of);
    assert.is(complaints("coding-tools-mcp.service", unit), "");
    const dropIn = renderReadOnly(of, { stateDir: odd });
    assert.is(complaints("coding-tools-mcp.service", unit, dropIn), "");
  });
}

test("so is the socket, on both families", () => {
  for (const host of ["127.0.0.1", "::1"])
    assert.is(complaints("coding-tools-mcp.socket", renderSocket({ host, port: 8765 })), "");
});

test("control: a misspelled key and a program that is not there are told", () => {
  const unit = renderUnit(description);
  assert.match(
    complaints("coding-tools-mcp.service", unit.replace("WatchdogSec", "WatchDogSec")),
    /WatchDogSec/,
  );
  const missing = renderUnit({ ...description, node: join(dir, "no node") });
  assert.match(complaints("coding-tools-mcp.service", missing), /not executable/);
});

test("every word arrives as it is", () => {
  const [, line = ""] = /^ExecStart=(.*)$/m.exec(renderUnit(description)) ?? [];
  // Read back as systemd.service(5) says, by another hand: python's shlex takes the same quotes and backslashes.
  const script = "import json,shlex,sys; print(json.dumps(shlex.split(sys.argv[1])))";
  const words: string[] = JSON.parse(execFileSync("python3", ["-c", script, line], { encoding: "utf8" }));
  const { node, program, configPath } = description;
  assert.equal(
    words.map((word) => word.replaceAll("%%", "%").replaceAll("$$", "$")),
    [node, program, "--config", configPath, "--quiet"],
  );
});

test("a unit is read back as it was written, whatever the paths hold", () => {
  // What systemd or a regular expression might read as something else.
  const unit = fc.constantFrom("$", "%", '"', "\\", "\n", "\r", " ", "n", "h", "\u2028", "\u{1f600}");
  const text = fc.string({ unit, minLength: 1 });
  fc.assert(
    fc.property(text, text, text, (node, program, configPath) => {
      const { command, user } = readUnit(renderUnit({ ...system, node, program, configPath }));
      assert.equal(command, [node, program, "--config", configPath, "--quiet"]);
      assert.is(user, "root");
    }),
  );
  assert.is(readUnit(renderUnit(description)).user, undefined);
  assert.equal(readUnit("").command, []);
});

test.run();
