import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ServiceDescription } from "../../../internal/service/description.js";
import { renderPlist } from "../../../internal/service/launchd-plist.js";
import type { Ran } from "../../../internal/service/manager.js";
import { renderUnit } from "../../../internal/service/systemd-unit.js";
import { serviceFile } from "../installed-service.js";
import { checkService } from "./service.js";

const home = mkdtempSync(join(tmpdir(), "service-"));
test.after(() => rmSync(home, { recursive: true }));
const says = (code: number, stdout: string) => async (): Promise<Ran> => ({ code, stdout, stderr: "" });
const platforms = {
  linux: renderUnit,
  darwin: (description: ServiceDescription) => renderPlist(description, { logDir: home }),
} as const;

for (const [platform, render] of Object.entries(platforms)) {
  const around = { env: {}, home, scope: "user", platform: platform as NodeJS.Platform } as const;

  test(`no service is no fault (${platform})`, async () => {
    const [row] = await checkService({ ...around, run: says(0, "") });
    assert.is(row?.status, "ok");
  });

  test(`a node that a version manager removed is told, and what puts it right (${platform})`, async () => {
    const { file } = serviceFile(around);
    const node = join(home, 'versions 50% "of" $it & <more> \\n', "node");
    const program = join(home, "it's $HOME %h & $$", "ctmcpd.cjs");
    const environment = { PATH: "/bin" };
    const text = render({ node, program, configPath: "/c.yaml", environment, scope: { kind: "user" } });
    for (const path of [file, node, program]) mkdirSync(dirname(path), { recursive: true });
    for (const path of [node, program]) writeFileSync(path, "");
    writeFileSync(file, text);
    const [active] = await checkService({ ...around, run: says(0, "active\n") });
    assert.is(active?.status, "ok", active?.text);
    const [stopped] = await checkService({ ...around, run: says(3, "inactive\n") });
    assert.is(stopped?.status, "warn");
    for (const gone of [program, node]) {
      rmSync(gone);
      const [row] = await checkService({ ...around, run: says(0, "active\n") });
      assert.is(row?.status, "fail");
      assert.ok(row?.text.includes(gone), row?.text);
      assert.is(row?.hint, "run: ctmcpctl install");
    }
  });
}

test("of the whole machine it is another file, and another command puts it right", () => {
  const { file, status } = serviceFile({ env: {}, home, scope: "system", platform: "darwin" });
  assert.is(file, "/Library/LaunchDaemons/coding-tools-mcp.plist");
  assert.equal(status, ["launchctl", "print", "system/coding-tools-mcp"]);
});

test.run();
