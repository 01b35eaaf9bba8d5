import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { legacy } from "../../test/support/mcp-harness.js";

const child = fileURLToPath(new URL("../../test/support/stdio-child.js", import.meta.url));

function start() {
  const server = spawn(process.execPath, [child], { stdio: ["pipe", "pipe", "pipe"] });
  return { server, exit: once(server, "exit"), errors: text(server.stderr) };
}

const slow = `${JSON.stringify(legacy("tools/call", { name: "slow" }, 1))}\n`;

test("a process answers everything it was sent before its input ended, in full, and then ends", async () => {
  const { server, exit, errors } = start();
  server.stdin.end(`${slow}${JSON.stringify(legacy("ping", {}, 2))}\n`);
  const lines = (await text(server.stdout)).trimEnd().split("\n");
  assert.equal(
    lines.map((line) => JSON.parse(line).id),
    [2, 1],
  );
  assert.is(JSON.parse(lines[1] ?? "").result.content[0].text.length, 1_000_000);
  assert.equal(await exit, [0, null]);
  assert.is(await errors, "");
});

test("a client that dies during a call leaves a process that ends by itself, without a crash", async () => {
  const { server, exit, errors } = start();
  server.stdin.write(slow);
  server.stdin.write(`${JSON.stringify(legacy("ping", {}, 2))}\n`);
  await once(server.stdout, "data");
  server.stdout.destroy();
  server.stdin.end();
  assert.equal(await exit, [0, null]);
  assert.is(await errors, "");
});

test.run();
