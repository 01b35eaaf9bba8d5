import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { whoChanges, withoutChangeable } from "./changeable.js";
import type { Config, Profile } from "./config.js";

const base = realpathSync(mkdtempSync(join(tmpdir(), "changeable-")));
test.after(() => rmSync(base, { recursive: true }));
const at = (name: string): string => join(base, name);
for (const name of ["app/.venv/bin", "app-tools", "written", "safe"])
  mkdirSync(at(name), { recursive: true });
// By a link into the workspace, and by one that lies there.
symlinkSync(at("app/.venv"), at("venv"));
symlinkSync(at("safe"), at("app/link"));

function configWith(profile: Profile): Pick<Config, "workspaces" | "exec"> {
  return {
    workspaces: [{ id: "app", path: at("app"), real: at("app"), profile, exec: { path: [], env: {} } }],
    exec: { sandbox: { write: [at("written")] } } as unknown as Config["exec"],
  };
}

const path = ["app/.venv/bin", "venv/bin", "app/link", "app/not-there", "written", "app-tools", "safe"].map(
  at,
);

test("folders that clients may change are taken out of PATH, whichever way they are found", () => {
  const whoMay = whoChanges(configWith("full"));
  assert.is(
    withoutChangeable([...path, "/usr/bin"].join(":"), whoMay),
    `${at("app-tools")}:${at("safe")}:/usr/bin`,
  );
  assert.match(whoMay(at("venv/bin")) ?? "", "clients of workspace 'app'");
  assert.is(whoMay(at("written/tool")), "commands");
});

test("where no client may write, PATH stays as it is", () => {
  const whoMay = whoChanges(configWith("read-only"));
  assert.is(withoutChangeable(path.join(":"), whoMay), path.join(":"));
});

test.run();
