import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type FixtureDaemon, withDaemon } from "../../test/support/daemon-in-process.js";
import { call } from "../../test/support/rpc.js";
import { openRoot } from "../workspace/root.js";
import { ownFiles } from "./own-files.js";

const full = { workspaces: [{ id: "app", path: "app", profile: "full" }] };

/** What each way of changing `path` (which holds the line `line`) comes to: ok, or the code of the refusal. */
async function changes(
  { endpoint }: FixtureDaemon,
  path: string,
  line: string,
): Promise<Record<string, string>> {
  const patch = (body: string): object => ({ patch: `*** Begin Patch\n${body}\n*** End Patch\n` });
  const ways: Record<string, readonly [tool: string, args: object]> = {
    edit: ["edit_file", { path, old_text: line, new_text: "changed" }],
    update: ["apply_patch", patch(`*** Update File: ${path}\n@@\n-changed\n+${line}`)],
    move: [
      "apply_patch",
      patch(`*** Update File: ${path}\n*** Move to: ${path}.moved\n@@\n-${line}\n+changed`),
    ],
    replace: ["apply_patch", patch(`*** Add File: ${path}\n+${line}`)],
    delete: ["apply_patch", patch(`*** Delete File: ${path}`)],
  };
  const outcomes: Record<string, string> = {};
  for (const [way, [tool, args]] of Object.entries(ways)) {
    const { structuredContent } = await call(endpoint(), tool, args);
    outcomes[way] = structuredContent.ok ? "ok" : structuredContent.error.code;
  }
  return outcomes;
}

const refused = "PATH_OUTSIDE_WORKSPACE";
const allRefused = { edit: refused, update: refused, move: refused, replace: refused, delete: refused };
const allDone = { edit: "ok", update: "ok", move: "ok", replace: "ok", delete: "ok" };

test("a config file in a full workspace is changed by no tool, and a file beside it is", () =>
  withDaemon({ config: full }, async (running) => {
    const { admin, app, configPath } = running;
    const inside = join(app, "conf.yaml");
    renameSync(configPath, inside);
    symlinkSync(inside, configPath);
    symlinkSync("conf.yaml", join(app, "by-link.yaml"));
    writeFileSync(join(app, "beside.yaml"), "version: 1\n");
    await admin.reload({ dryRun: false });
    const before = readFileSync(inside, "utf8");
    const naive = openRoot(app);
    naive.openPlace("conf.yaml").dir.close();
    naive.close();
    assert.equal(await changes(running, "conf.yaml", "version: 1"), allRefused);
    for (const [way, outcome] of Object.entries(await changes(running, "by-link.yaml", "version: 1")))
      assert.is.not(outcome, "ok", way);
    assert.is(readFileSync(inside, "utf8"), before);
    assert.equal(await changes(running, "beside.yaml", "version: 1"), allDone, "control");
  }));

test("nor is a link by which the config file is found", () =>
  withDaemon({ config: full }, async (running) => {
    const { admin, app, configPath, dir } = running;
    renameSync(configPath, join(dir, "real.yaml"));
    symlinkSync("../real.yaml", join(app, "link.yaml"));
    symlinkSync("app/link.yaml", configPath);
    await admin.reload({ dryRun: false });
    assert.equal(await changes(running, "link.yaml", "version: 1"), allRefused);
  }));

test("nor are the files by which a service manager starts the daemon, there or not", async () => {
  await withDaemon({ config: full }, async (running) => {
    const { app, dir, admin } = running;
    const units = join(app, "systemd/user");
    mkdirSync(units, { recursive: true });
    mkdirSync(join(dir, ".config"));
    symlinkSync(join(app, "systemd"), join(dir, ".config/systemd"));
    const unit = "systemd/user/coding-tools-mcp.service";
    writeFileSync(join(app, unit), "Restart=on-failure\n");
    writeFileSync(join(app, "systemd/user/other.service"), "Restart=on-failure\n");
    await admin.reload({ dryRun: false });
    assert.equal(await changes(running, unit, "Restart=on-failure"), allRefused);
    const { replace } = await changes(running, `${unit}.d/override.conf`, "Restart=no");
    assert.is(replace, refused);
    assert.not.ok(existsSync(join(app, `${unit}.d`)));
    assert.equal(
      await changes(running, "systemd/user/other.service", "Restart=on-failure"),
      allDone,
      "control",
    );
  });
  const files = ownFiles({ path: "/c", env: { XDG_CONFIG_HOME: "/x" }, home: "/h" });
  assert.ok(files.includes("/x/systemd/user/coding-tools-mcp.service.d"), `${files}`);
  assert.ok(
    files.some((file) => file.startsWith("/h/Library/LaunchAgents/")),
    `${files}`,
  );
});

test("taking a change back does not touch what a later configuration names", () =>
  withDaemon({ config: full }, async (running) => {
    const { admin, app, configure, daemon, endpoint } = running;
    const add = `*** Begin Patch\n*** Add File: token\n+${"t".repeat(40)}\n*** End Patch\n`;
    assert.ok((await call(endpoint(), "apply_patch", { patch: add })).structuredContent.ok);
    chmodSync(join(app, "token"), 0o600);
    configure({ ...full, auth: { mode: "bearer", token_file: "app/token" } });
    await daemon.reload("admin");
    const undone = await admin.undo(undefined).catch((error) => error.code);
    assert.is(undone, "REFUSED");
    assert.ok(existsSync(join(app, "token")));
    configure(full);
    await daemon.reload("admin");
    assert.is((await admin.undo(undefined)).undone.workspace, "app", "control");
    assert.not.ok(existsSync(join(app, "token")));
  }));

test.run();
