import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Json } from "../support/mcp-harness.js";
import { makePlace } from "../support/place.js";
import { mainOf, startProgram } from "../support/program.js";

const run = promisify(execFile);
const checkout = fileURLToPath(new URL("../../..", import.meta.url));

/** configs/local.yaml as it is, but for the port, in a checkout of its own whose path needs quoting. */
test("what make run prints works when it is pasted into a shell", async () => {
  const place = makePlace();
  const clone = join(place.dir, "it's a clone");
  mkdirSync(join(clone, "configs"), { recursive: true });
  const text = readFileSync(join(checkout, "configs", "local.yaml"), "utf8");
  assert.match(text, "listen: 127.0.0.1:8765");
  const config = join(clone, "configs", "local.yaml");
  writeFileSync(config, text.replace(":8765", ":0"));
  const program = startProgram(mainOf("ctmcpd"), { args: ["--config", config], env: { HOME: place.dir } });
  try {
    const [banner] = await program.until("stdout", /[\s\S]*tools\/list.*\n/);
    assert.match(banner, /^MCP endpoint {2}http:\/\/127\.0\.0\.1:\d+\/mcp$/m);
    assert.match(banner, /^authenticate {2}Authorization: Bearer /m);
    assert.match(banner, `coding-tools-mcp ${clone} (read-only)`);
    const commands = banner.split("\n").filter((line) => line.startsWith("  curl "));
    assert.is(commands.length, 3);
    const answers: Json[] = [];
    for (const command of commands) {
      const { stdout } = await run("sh", ["-c", command]);
      answers.push(JSON.parse(stdout));
    }
    const [card, initialize, list] = answers;
    assert.is(card.transport.endpoint, "/mcp");
    assert.is(initialize.result.serverInfo.name, "coding-tools-mcp");
    assert.ok(list.result.tools.length > 0);

    const [, token = ""] = /Authorization: Bearer (\$\(cat .*?\))"/.exec(banner) ?? [];
    const secret = (await run("sh", ["-c", `printf %s "${token}"`])).stdout.trim();
    assert.ok(secret.length >= 32);
    assert.not.match(program.stdout() + program.stderr(), secret);
  } finally {
    await program.kill();
    place.remove();
  }
});

test.run();
