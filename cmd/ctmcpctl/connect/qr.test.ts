import { stripVTControlCharacters } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { renderQr } from "./qr.js";

const url = "https://mcp.example.com/mcp";

test("modules are square in a terminal: half as many lines as columns, black on white, with room around", () => {
  const lines = renderQr(url, 80) ?? [];
  const text = lines.map(stripVTControlCharacters);
  const width = text[0]?.length ?? 0;
  assert.ok(text.every((line) => line.length === width));
  assert.is(lines.length, Math.ceil(width / 2));
  assert.ok(lines.every((line) => line.startsWith("\u001b[30;107m") && line.endsWith("\u001b[0m")));
  const blank = " ".repeat(width);
  assert.equal(text.slice(0, 2), [blank, blank]);
  assert.ok(text.every((line) => line.startsWith("    ") && line.endsWith("    ")));
});

test("none where it would be cut", () => {
  const width = stripVTControlCharacters(renderQr(url, 80)?.[0] ?? "").length;
  assert.ok(renderQr(url, width));
  assert.is(renderQr(url, width - 1), undefined);
});

test.run();
