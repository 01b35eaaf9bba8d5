import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Ran } from "../../../internal/service/manager.js";
import { renderUnit } from "../../../internal/service/systemd-unit.js";
import { serviceFile } from "../installed-service.js";
import { checkService } from "./service.js";

const home = mkdtempSync(join(tmpdir(), "service-"));
test.after(() => rmSync(home, { recursive: true }));
const around = { env: {}, home };
const says = (code: number, stdout: string) => async (): Promise<Ran> => ({ code, stdout, stderr: "" });

test("no service is no fault", async () => {
  const [row] = await checkService({ ...around, run: says(0, "") });
  assert.is(row?.status, "ok");
});

test("a node that a version manager removed is told, and what puts it right", async () => {
  const { file } = serviceFile(around);
  const node = join(home, "versions 50%", "node");
  const program = join(home, "ctmcpd.cjs");
  const unit = renderUnit({ node, program, configPath: "/c.yaml", path: "/bin", scope: { kind: "user" } });
  for (const path of [file, node, program]) mkdirSync(dirname(path), { recursive: true });
  for (const path of [node, program]) writeFileSync(path, "");
  writeFileSync(file, unit);
  const [active] = await checkService({ ...around, run: says(0, "active\n") });
  assert.is(active?.status, "ok");
  const [stopped] = await checkService({ ...around, run: says(3, "inactive\n") });
  assert.is(stopped?.status, "warn");
  rmSync(node);
  const [gone] = await checkService({ ...around, run: says(0, "active\n") });
  assert.is(gone?.status, "fail");
  assert.ok(gone?.text.includes(node));
  assert.match(gone?.hint ?? "", /ctmcpctl install/);
});

test.run();
