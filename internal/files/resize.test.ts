// time limit: 150 s
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { imageFacts, imageType } from "./image.js";
import { createResizer, type Resized } from "./resize.js";

const base = fs.mkdtempSync(join(tmpdir(), "resize-"));
const { signal } = new AbortController();
const picture = sharp({ create: { width: 300, height: 100, channels: 3, background: "teal" } });
const box = { maxWidth: 60, maxHeight: 60, maxBytes: 1_000_000 };

test.after(() => fs.rmSync(base, { recursive: true, force: true }));

/** A worker that runs `code` instead of resizing. */
function worker(code: string): string {
  const path = join(base, `worker-${fs.readdirSync(base).length}.cjs`);
  fs.writeFileSync(path, code);
  return path;
}

function bytesOf(resized: Resized): Buffer {
  if ("bytes" in resized) return resized.bytes;
  throw new Error(resized.failed);
}

for (const [format, result] of [
  ["png", "image/png"],
  ["jpeg", "image/jpeg"],
  ["webp", "image/webp"],
  ["gif", "image/png"],
] as const) {
  test(`${format} is recognised and made smaller`, async () => {
    const bytes = await picture.clone().toFormat(format).toBuffer();
    assert.equal(await imageFacts(bytes), { mimeType: `image/${format}`, width: 300, height: 100 });
    const smaller = bytesOf(await createResizer()({ bytes, ...box }, signal));
    assert.equal(await imageFacts(smaller), { mimeType: result, width: 60, height: 20 });
  });
}

test("a picture stored on its side comes out upright", async () => {
  const bytes = await picture.clone().jpeg().withMetadata({ orientation: 6 }).toBuffer();
  const smaller = bytesOf(await createResizer()({ bytes, ...box }, signal));
  assert.equal(await imageFacts(smaller), { mimeType: "image/jpeg", width: 20, height: 60 });
});

test("what is no image, or a broken one, has no facts", async () => {
  const png = await picture.clone().png().toBuffer();
  for (const bytes of [Buffer.alloc(0), Buffer.from("text"), Buffer.from("<svg/>"), png.subarray(0, 10)]) {
    assert.is(await imageFacts(bytes), undefined);
  }
  assert.is(imageType(Buffer.from("BM")), undefined);
  assert.is(imageType(png.subarray(0, 10)), "image/png");
});

test("a picture of too many pixels, or one that breaks half way, fails in the child only", async () => {
  const png = await picture.clone().png().toBuffer();
  const bomb = Buffer.from(png);
  // Width and height in the header, and its checksum.
  bomb.writeUInt32BE(60_000, 16);
  bomb.writeUInt32BE(60_000, 20);
  bomb.writeUInt32BE(crc(bomb.subarray(12, 29)), 29);
  assert.equal(await imageFacts(bomb), { mimeType: "image/png", width: 60_000, height: 60_000 });
  for (const bytes of [bomb, png.subarray(0, 60)]) {
    assert.ok("failed" in (await createResizer()({ bytes, ...box }, signal)));
  }
});

function crc(bytes: Buffer): number {
  let value = -1;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return (value ^ -1) >>> 0;
}

test("whatever the child does, the answer is a reason", async () => {
  const bytes = Buffer.alloc(5_000_000);
  const reasons = new Set<string>();
  for (const [code, timeoutMs] of [
    ["process.exit(3)", 15_000],
    ["process.exit(1)", 15_000],
    ["process.stdin.resume().on('end', () => process.exit(0))", 15_000],
    ["setInterval(() => {}, 1000)", 300],
    ["process.kill(process.pid, 'SIGSEGV')", 15_000],
    ["const b = Buffer.alloc(1 << 20); (function more() { process.stdout.write(b, more); })()", 15_000],
  ] as const) {
    const resized = await createResizer({ workerPath: worker(code), timeoutMs })({ bytes, ...box }, signal);
    assert.ok("failed" in resized, code);
    reasons.add(resized.failed);
  }
  const resized = await createResizer({ execPath: join(base, "none") })({ bytes, ...box }, signal);
  assert.ok("failed" in resized);
  reasons.add(resized.failed);
  assert.is(reasons.size, 5);
});

test("the child sees no environment of ours", async () => {
  process.env.RESIZE_CANARY = "secret";
  const dump = worker("process.stdin.resume(); process.stdout.write(JSON.stringify(process.env))");
  const seen = bytesOf(await createResizer({ workerPath: dump })({ bytes: Buffer.alloc(1), ...box }, signal));
  const control = spawnSync(process.execPath, ["-e", "process.stdout.write(JSON.stringify(process.env))"]);
  assert.ok(control.stdout.includes("RESIZE_CANARY"));
  assert.not.ok(seen.includes("RESIZE_CANARY"));
});

test("a cancelled call takes its child with it", async () => {
  const controller = new AbortController();
  const pidFile = join(base, "pid");
  const code = `require("node:fs").writeFileSync(${JSON.stringify(`${pidFile}.new`)}, String(process.pid));
    require("node:fs").renameSync(${JSON.stringify(`${pidFile}.new`)}, ${JSON.stringify(pidFile)});
    setInterval(() => {}, 1000);`;
  const seen = new Promise<void>((resolve) => {
    const watcher = fs.watch(base, () => {
      if (!fs.existsSync(pidFile)) return;
      watcher.close();
      resolve();
    });
  });
  const resizing = createResizer({ workerPath: worker(code) })(
    { bytes: Buffer.alloc(1), ...box },
    controller.signal,
  );
  await seen;
  controller.abort();
  let name = "none";
  await resizing.catch((error: Error) => {
    name = error.name;
  });
  assert.is(name, "AbortError");
  assert.throws(
    () => process.kill(Number(fs.readFileSync(pidFile, "utf8")), 0),
    (error: NodeJS.ErrnoException) => error.code === "ESRCH",
  );
});

test.run();
