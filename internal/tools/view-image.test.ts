import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { createResizer, type ResizeImage } from "../files/resize.js";
import { openRoot } from "../workspace/root.js";
import type { ToolResult } from "./types.js";
import { viewImageTool } from "./view-image.js";

const base = fs.mkdtempSync(join(tmpdir(), "view-"));
const root = openRoot(base);
const workspace = { id: "w", path: root.path, profile: "read-only", root } as const;
const { signal } = new AbortController();
const wide = sharp({ create: { width: 300, height: 100, channels: 3, background: "teal" } }).png();

test.before(async () => {
  await wide.toFile(join(base, "wide.png"));
  fs.writeFileSync(join(base, "text.png"), "no image");
});
test.after(() => {
  workspace.root.close();
  fs.rmSync(base, { recursive: true, force: true });
});

function call(args: Record<string, unknown>, resize: ResizeImage = createResizer()): Promise<ToolResult> {
  const filled = { max_bytes: 5_242_880, max_width: 2000, max_height: 2000, auto_resize: true, ...args };
  const context = {
    workspace,
    reachable: [],
    toolNames: [],
    caller: "test",
    ask: undefined,
    signal,
    progress: () => undefined,
  };
  return Promise.resolve(viewImageTool({ resize }).run({ args: filled, ...context }));
}

async function codeOf(args: Record<string, unknown>): Promise<string> {
  try {
    await call(args);
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return "none";
}

const never: ResizeImage = () => Promise.reject(new Error("resized without need"));

test("an image that fits is sent as it is, its data once", async () => {
  const bytes = fs.readFileSync(join(base, "wide.png"));
  const { content, structured } = await call({ path: "wide.png" }, never);
  assert.equal(content[0], { type: "image", data: bytes.toString("base64"), mimeType: "image/png" });
  assert.is(content[1]?.type, "text");
  assert.is(content.length, 2);
  assert.equal(structured, {
    ok: true,
    path: "wide.png",
    mime_type: "image/png",
    bytes: bytes.length,
    width: 300,
    height: 100,
    resized: false,
    original: { bytes: bytes.length, width: 300, height: 100, mime_type: "image/png" },
    warnings: [],
  });
});

test("a larger one is made to fit", async () => {
  const { content, structured } = await call({ path: "wide.png", max_width: 150 });
  assert.equal(
    [structured.resized, structured.width, structured.height, structured.warnings],
    [true, 150, 50, []],
  );
  assert.equal((structured.original as { width: number }).width, 300);
  const [image] = content;
  const sent = await sharp(Buffer.from(image?.type === "image" ? image.data : "", "base64")).metadata();
  assert.equal([sent.format, sent.width, sent.height], ["png", 150, 50]);
});

for (const [what, args, resize] of [
  ["auto_resize is off", { auto_resize: false }, never],
  ["resizing fails", {}, async () => ({ failed: "injected" })],
  ["the resizer answers nonsense", {}, async () => ({ bytes: Buffer.from("nonsense") })],
] as const) {
  test(`when ${what}, the original is sent with a warning`, async () => {
    const { structured } = await call({ path: "wide.png", max_height: 50, ...args }, resize);
    assert.equal([structured.resized, structured.width], [false, 300]);
    assert.is((structured.warnings as string[]).length, 1);
  });
}

test("a file above max_bytes is refused before it is read", async () => {
  fs.writeFileSync(join(base, "huge.png"), "");
  fs.truncateSync(join(base, "huge.png"), 2 ** 40);
  assert.is(await codeOf({ path: "huge.png" }), "OUTPUT_TOO_LARGE");
  const { size } = fs.statSync(join(base, "wide.png"));
  assert.is(await codeOf({ path: "wide.png", max_bytes: size - 1 }), "OUTPUT_TOO_LARGE");
  assert.is(await codeOf({ path: "wide.png", max_bytes: size }), "none");
});

test("what is no image, and what the workspace refuses, is refused", async () => {
  const before = fs.readdirSync("/dev/fd").length;
  assert.is(await codeOf({ path: "text.png" }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ path: "." }), "IS_DIRECTORY");
  assert.is(await codeOf({ path: "../x.png" }), "PATH_OUTSIDE_WORKSPACE");
  assert.is(fs.readdirSync("/dev/fd").length, before);
});

test.run();
