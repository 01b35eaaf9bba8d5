import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { filters } from "../../internal/sandbox/filters.js";
import { checkout, compileProbe } from "./compile.js";

const directory = mkdtempSync(join(tmpdir(), "filters-"));
test.after(() => rmSync(directory, { recursive: true }));

test("the checked-in filters are what their source makes", () => {
  const made = join(directory, "filters.ts");
  const { status, stderr } = spawnSync("sh", [join(checkout, "scripts/build-seccomp.sh"), made], {
    encoding: "utf8",
  });
  assert.is(status, 0, stderr);
  const rebuilt = [...readFileSync(made, "utf8").matchAll(/(\w+): "([^"]+)"/g)];
  assert.equal(Object.fromEntries(rebuilt.map(([, arch, filter]) => [arch, filter])), filters);
});

test("without a sandbox the probes find things open", () => {
  const { stdout } = spawnSync(compileProbe("probes", directory), [String(process.pid)], {
    encoding: "utf8",
  });
  // Others depend on how the host is set up.
  for (const name of ["kill", "keyctl", "tiocsti", "tiocsti, upper bits"]) {
    assert.match(stdout, `${name} open`);
  }
});

test.run();
