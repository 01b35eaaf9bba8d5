import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pipeOutput, readBytes, streamOutput, textOf } from "./output.js";
import type { Output } from "./types.js";

const base = mkdtempSync(join(tmpdir(), "output-"));
test.after(() => rmSync(base, { recursive: true }));

const flood = 5_000_000;
const pipeBytes = 64 << 10;
let pipes = 0;

/** A program, and the reading end of the FIFO it writes to. */
async function writer(cmd: string): Promise<{ fd: number; child: ChildProcess }> {
  const path = join(base, String(pipes++));
  spawnSync("mkfifo", [path]);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  // Keeps the end from coming before the program has opened its own.
  const held = openSync(path, constants.O_WRONLY);
  const child = spawn("/bin/bash", ["-c", `exec >"$1"; ${cmd}`, "bash", path], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  // Its own output ends where it opens the FIFO instead.
  child.stdout.resume();
  await once(child.stdout, "end");
  closeSync(held);
  return { fd, child };
}

/** How many pieces of memory the output came in, and its length. */
async function memoryOf(output: Output): Promise<{ memories: number; length: number }> {
  const memories = new Set<ArrayBufferLike>();
  let length = 0;
  await output.read((bytes) => {
    memories.add(bytes.buffer);
    length += bytes.length;
  });
  return { memories: memories.size, length };
}

test("all of a pipe's output comes in the same memory, and a stream's does not", async () => {
  const cmd = `head -c ${flood} /dev/zero`;
  const pipe = await writer(cmd);
  const output = pipeOutput(pipe.fd, Buffer.allocUnsafeSlow(readBytes));
  assert.equal(await memoryOf(output), { memories: 1, length: flood });
  // The control: what a socket reads by itself.
  const { fd } = await writer(cmd);
  const { memories, length } = await memoryOf(streamOutput(new Socket({ fd, writable: false })));
  assert.is(length, flood);
  assert.ok(memories > 1);
});

test("characters that are cut between reads are whole again, in the order they came", async () => {
  const buffer = Buffer.allocUnsafeSlow(1000);
  const [one, two] = [await writer("seq -f '%g €uro' 5000"), await writer("seq -f '%g ünd' 5000")];
  const texts = await Promise.all([textOf(pipeOutput(one.fd, buffer)), textOf(pipeOutput(two.fd, buffer))]);
  assert.equal(
    texts,
    ["€uro", "ünd"].map((word) => Array.from({ length: 5000 }, (_, i) => `${i + 1} ${word}\n`).join("")),
  );
});

test("nothing is read before somebody reads or while it pauses, and nothing is lost by it", async () => {
  const { fd, child } = await writer(`head -c ${flood} /dev/zero`);
  const output = pipeOutput(fd, Buffer.allocUnsafeSlow(readBytes));
  const exited = once(child, "exit");
  let got = 0;
  let paused: () => void = () => undefined;
  const pausing = new Promise<void>((resolve) => {
    paused = resolve;
  });
  const ended = output.read((bytes) => {
    got += bytes.length;
    output.pause();
    paused();
  });
  await pausing;
  const before = got;
  // What it could not write to a full pipe keeps the program from its end.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  assert.is(got, before);
  assert.is(child.exitCode, null);
  assert.ok(got <= pipeBytes);
  void output.read((bytes) => {
    got += bytes.length;
  });
  await ended;
  await exited;
  assert.is(got, flood);
});

test("closing ends the reading, also when nobody has begun, and the program notices", async () => {
  for (const isReading of [true, false]) {
    const { fd, child } = await writer("trap '' PIPE; yes; exit 7");
    const output = pipeOutput(fd, Buffer.allocUnsafeSlow(readBytes));
    const exited = once(child, "exit");
    if (isReading) {
      await new Promise<void>((resolve) => {
        void output.read(() => resolve());
      });
    }
    output.close();
    await output.read(() => assert.unreachable());
    assert.equal(await exited, [7, null]);
  }
});

test.run();
