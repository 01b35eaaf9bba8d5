import { execFileSync, spawnSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { verbs } from "../cmd/ctmcpctl/verbs.js";
import { configKeys } from "./generate-docs.js";
import { generateMan } from "./generate-man.js";

/** What groff complains about; it has no word for "fine" but silence. */
function complaints(input: string): string {
  return spawnSync("groff", ["-man", "-Tutf8", "-ww", "-z"], { input, encoding: "utf8" }).stderr;
}

function shown(input: string): string {
  const out = execFileSync("groff", ["-man", "-Tascii", "-P-c", "-P-b", "-P-u", "-rLL=200n"], {
    input,
    encoding: "utf8",
  });
  return out.replaceAll(/\s+/g, " ");
}

test("groff reads every page without a complaint, and can complain", () => {
  assert.match(complaints(".TH X 1\n.SH NAME\nx \\- y\n.NOSUCH\n\\*[nothing]\n"), /warning/);
  for (const { file, text } of generateMan()) assert.is(complaints(text), "", file);
});

test("every command and every key is in its page, as it is typed", () => {
  const pages = new Map(generateMan().map(({ file, text }) => [file, shown(text)]));
  for (const { name, summary } of verbs) {
    assert.match(pages.get("ctmcpctl.1") ?? "", `ctmcpctl ${name}`);
    assert.match(pages.get("ctmcpctl.1") ?? "", summary);
  }
  for (const { key } of configKeys()) assert.ok(pages.get("coding-tools-mcp.yaml.5")?.includes(key), key);
  assert.match(pages.get("ctmcpd.1") ?? "", "--config FILE");
  assert.match(pages.get("coding-tools-mcp.1") ?? "", "--stdio");
});

test.run();
