import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../clock/clock.js";
import { makePlace } from "../sandbox/sandbox.test.util.js";
import type { Command } from "./command.js";
import { commandLimits, createCommands } from "./commands.js";

const megabyte = 1 << 20;
const place = makePlace();
const commands = createCommands({ sandbox: place.sandbox, clock: systemClock });
const never = new AbortController().signal;

test.after(async () => {
  await commands.close();
  await place.close();
});

async function start(cmd: string): Promise<Command> {
  const { command } = await commands.start({
    workspaceId: "app",
    admit: () => place.policy(),
    cmd,
    cwd: "",
    env: {},
    stdin: "",
    keepStdinOpen: false,
    timeoutMs: 60_000,
    signal: never,
  });
  return command;
}

// Alone in its process: once it has grown, memory that is used again is not seen.
test("500 MB of output cost a few megabytes of memory, and all of it is counted", async () => {
  const warm = await start("seq 100000");
  await warm.ended;
  const before = process.memoryUsage.rss();
  let peak = before;
  const command = await start(`head -c ${500 * megabyte} /dev/zero; printf end`);
  for (let how = ""; how !== "ended"; ) {
    how = await command.wait({ ms: 5, signal: never });
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  const { stdout } = command.streams;
  assert.is(stdout.total, 500 * megabyte + 3);
  assert.is(stdout.read(stdout.total - 3, 3).bytes.toString(), "end");
  assert.ok(stdout.held <= commandLimits.ring.head + commandLimits.ring.tail);
  assert.ok(peak - before < 8 * megabyte, `grew by ${((peak - before) / megabyte).toFixed(1)} MiB`);
});

test.run();
