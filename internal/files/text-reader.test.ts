import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Clock, systemClock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import { openRoot } from "../workspace/root.js";
import { createTextReader, type RangeRequest, type TextRange, type TextReader } from "./text-reader.js";

const base = fs.mkdtempSync(join(tmpdir(), "text-"));
const root = openRoot(base);
const { signal } = new AbortController();
/** For it, every file has been left alone for an hour, so indexes are kept. */
const later: Clock = { ...systemClock, now: () => Date.now() + 3_600_000 };
const everything = { startLine: 1, maxLines: 1_000_000, maxBytes: 100_000_000 };

test.after(() => {
  root.close();
  fs.rmSync(base, { recursive: true, force: true });
});

async function readWith(
  reader: TextReader,
  name: string,
  request: Partial<RangeRequest> = {},
): Promise<TextRange> {
  const file = root.openFile(name);
  try {
    return await reader.read(file, { ...everything, ...request }, signal);
  } finally {
    file.close();
  }
}

/** Reads what `bytes` say with a new reader. */
function readBytes(bytes: Buffer | string, request?: Partial<RangeRequest>): Promise<TextRange> {
  fs.writeFileSync(join(base, "f"), bytes);
  return readWith(createTextReader({ clock: later }), "f", request);
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return "none";
}

const latin1 = Buffer.from("caf\xe9\n", "latin1");
const counts: [what: string, bytes: Buffer | string, lines: number, encoding: string][] = [
  ["empty", "", 0, "utf-8"],
  ["one LF", "\n", 1, "utf-8"],
  ["no LF at the end", "a\nb", 2, "utf-8"],
  ["LF at the end", "a\nb\n", 2, "utf-8"],
  ["CRLF", "a\r\nb\r\n", 2, "utf-8"],
  ["lone CR ends no line", "a\rb\rc\n", 1, "utf-8"],
  ["other Unicode breaks end no line", "a\u2028b\u0085c\fd\n", 1, "utf-8"],
  ["UTF-8 mark", "\ufeffa\n", 1, "utf-8"],
  ["not UTF-8", latin1, 1, "latin-1"],
  ["cut UTF-8 at the end", Buffer.from("a\n\xe2\x82", "latin1"), 2, "latin-1"],
  ["UTF-16 LE with mark", Buffer.from("\ufeffa\nb", "utf16le"), 2, "utf-16le"],
  ["UTF-16 BE with mark", Buffer.from("\ufeffa\nb", "utf16le").swap16(), 2, "utf-16be"],
  ["UTF-16 LE by its NULs", Buffer.from("hello\nworld\n", "utf16le"), 2, "utf-16le"],
  ["UTF-16 BE by its NULs", Buffer.from("hello\nworld\n", "utf16le").swap16(), 2, "utf-16be"],
  // U+0A41 and U+410A hold the byte of LF but are none.
  [
    "UTF-16 with LF bytes inside characters",
    Buffer.from("\ufeff\u0a41\u410a\n\u0a0a", "utf16le"),
    2,
    "utf-16le",
  ],
];

for (const [what, bytes, lines, encoding] of counts) {
  test(`counted and decoded: ${what}`, async () => {
    const range = await readBytes(bytes);
    assert.is(range.totalLines, lines);
    assert.is(range.lines, lines);
    assert.is(range.encoding, encoding);
    assert.is(range.totalBytes, Buffer.from(bytes).length);
    assert.is(range.cutByBytes, false);
  });
}

test("a mark is no part of the text; everything else is", async () => {
  assert.is((await readBytes("\ufeffa\r\nb\r\n")).content, "a\r\nb\r\n");
  assert.is((await readBytes(Buffer.from("\ufeffä\n", "utf16le").swap16())).content, "ä\n");
  assert.is((await readBytes(latin1)).content, "café\n");
});

for (const [what, bytes, code] of [
  ["a NUL", Buffer.from("text\0text"), "BINARY_FILE"],
  [
    "a program's header",
    Buffer.from("7f454c4602010100000000000000000003003e0001000000", "hex"),
    "BINARY_FILE",
  ],
  ["small 16-bit numbers", Buffer.from(Uint16Array.from({ length: 100 }, (_, i) => i).buffer), "BINARY_FILE"],
  ["UTF-32 LE", Buffer.from("fffe00006100000062000000", "hex"), "UNSUPPORTED_ENCODING"],
  ["UTF-32 BE", Buffer.from("0000feff0000006100000062", "hex"), "UNSUPPORTED_ENCODING"],
] as const) {
  test(`refused: ${what}`, async () => assert.is(await codeOf(readBytes(bytes)), code));
}

test("a NUL at byte 4,095 makes a file binary, at byte 4,096 it does not", async () => {
  const text = Buffer.alloc(100_000, "x");
  text[4095] = 0;
  assert.is(await codeOf(readBytes(text)), "BINARY_FILE");
  text[4095] = 0x78;
  text[4096] = 0;
  assert.is(await codeOf(readBytes(text)), "none");
});

test("characters across chunk borders stay whole, and one bad byte far in makes all of it Latin-1", async () => {
  for (const shift of [0, 1, 2, 3]) {
    const text = `${"x".repeat(shift)}${"🙂€ä".repeat(300_000)}\n`;
    const range = await readBytes(text);
    assert.is(range.encoding, "utf-8");
    assert.is(range.content, text);
  }
  const bad = Buffer.concat([Buffer.from("é\n".repeat(1_000_000)), Buffer.from([0xff])]);
  const range = await readBytes(bad, { maxLines: 1 });
  assert.is(range.encoding, "latin-1");
  assert.is(range.content, "Ã©\n");
  assert.is(range.totalLines, 1_000_001);
});

test("maxBytes keeps whole lines, counted in UTF-8", async () => {
  const cut = await readBytes("abc\ndef\nghi\n", { maxBytes: 9 });
  assert.is(cut.content, "abc\ndef\n");
  assert.equal([cut.lines, cut.cutByBytes, cut.fileBytes], [2, true, 8]);
  const exact = await readBytes("abc\ndef\n", { maxBytes: 8 });
  assert.equal([exact.lines, exact.cutByBytes], [2, false]);
  const wide = await readBytes(Buffer.from("éé\néé\n", "latin1"), { maxBytes: 6 });
  assert.equal([wide.content, wide.lines, wide.cutByBytes, wide.fileBytes], ["éé\n", 1, true, 3]);
  const utf16 = await readBytes(Buffer.from("\ufeffab\ncd\n", "utf16le"), { maxBytes: 3 });
  assert.equal([utf16.content, utf16.lines, utf16.cutByBytes, utf16.fileBytes], ["ab\n", 1, true, 6]);
});

test("of a line that does not fit, its beginning is given, cut between characters", async () => {
  const range = await readBytes("€€€\nx\n", { maxBytes: 8 });
  assert.equal([range.content, range.lines, range.cutByBytes], ["€€", 0, true]);
  const long = await readBytes(`${"y".repeat(3_000_000)}\nlast`, { maxBytes: 100_000 });
  assert.equal([long.content.length, long.lines, long.totalLines], [100_000, 0, 2]);
  const behind = await readBytes(`${"y".repeat(3_000_000)}\nlast`, { startLine: 2 });
  assert.equal([behind.content, behind.lines], ["last", 1]);
});

test("behind the end there is nothing", async () => {
  const range = await readBytes("a\nb\n", { startLine: 9 });
  assert.equal([range.content, range.lines, range.cutByBytes, range.totalLines], ["", 0, false, 2]);
});

test("any range of any text is what splitting the whole text gives", async () => {
  const line = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "é", "€", "🙂", "\r", "\t", " "), maxLength: 30 }),
    fc.constantFrom("x".repeat(5_000), "é".repeat(70_000)),
  );
  const text = fc.record({
    lines: fc.array(line, { maxLength: 40 }),
    repeat: fc.constantFrom(1, 1, 60),
    end: fc.boolean(),
  });
  const encoding = fc.constantFrom("utf-8", "utf-16le", "utf-16be" as const);
  const reader = createTextReader({ clock: later });
  await fc.assert(
    fc.asyncProperty(
      text,
      encoding,
      fc.nat(300),
      fc.integer({ min: 1, max: 300 }),
      async (spec, kind, from, maxLines) => {
        const whole = Array.from({ length: spec.repeat }, () => spec.lines)
          .flat()
          .join("\n")
          .concat(spec.end ? "\n" : "");
        fs.writeFileSync(join(base, "p"), encode(whole, kind));
        const lines = whole.match(/[^\n]*\n|[^\n]+$/g) ?? [];
        const startLine = 1 + (from % (lines.length + 2));
        // Twice: with a new index, then with the one kept.
        for (let round = 0; round < 2; round++) {
          const range = await readWith(reader, "p", { startLine, maxLines });
          const expected = lines.slice(startLine - 1, startLine - 1 + maxLines);
          assert.is(range.content, expected.join(""));
          assert.equal([range.lines, range.totalLines], [expected.length, lines.length]);
        }
      },
    ),
    { numRuns: 150 },
  );
});

function encode(text: string, kind: "utf-8" | "utf-16le" | "utf-16be"): Buffer {
  if (kind === "utf-8") return Buffer.from(text);
  const bytes = Buffer.from(`\ufeff${text}`, "utf16le");
  return kind === "utf-16be" ? bytes.swap16() : bytes;
}

test("a file that grows, shrinks or is replaced between calls is read as it is now", async () => {
  const path = join(base, "changing");
  const reader = createTextReader({ clock: later });
  const totals: number[] = [];
  async function look(): Promise<string> {
    const range = await readWith(reader, "changing", { startLine: 2000, maxLines: 1 });
    totals.push(range.totalLines);
    return range.content;
  }
  const line = (text: string): string => `${text}\n`.repeat(5_000);
  fs.writeFileSync(path, line("first version, long enough to be indexed"));
  assert.is(await look(), "first version, long enough to be indexed\n");
  fs.appendFileSync(path, "more\n");
  assert.is(await look(), "first version, long enough to be indexed\n");
  fs.truncateSync(path, 10);
  assert.is(await look(), "");
  fs.writeFileSync(`${path}.new`, line("replaced, and long enough to be indexed"));
  fs.renameSync(`${path}.new`, path);
  assert.is(await look(), "replaced, and long enough to be indexed\n");
  const { atime, mtime, size } = fs.statSync(path);
  fs.writeFileSync(path, `${"ab\n".repeat(66_666)}zz`);
  fs.utimesSync(path, atime, mtime);
  assert.is(fs.statSync(path).size, size);
  assert.is(await look(), "ab\n");
  assert.equal(totals, [5_000, 5_001, 1, 5_000, 66_667]);
});

test("a file that is cut short while it is open ends where it ends", async () => {
  const path = join(base, "cut");
  fs.writeFileSync(path, "0123456789\n".repeat(50_000));
  const reader = createTextReader({ clock: later });
  await readWith(reader, "cut");
  const file = root.openFile("cut");
  fs.truncateSync(path, 25);
  // The index that is kept still says 50,000 lines.
  const range = await reader.read(file, { ...everything, startLine: 2 }, signal);
  assert.ok("0123456789\n0123".startsWith(range.content));
  file.close();
});

test("a range of a large file is read without reading the file again", async () => {
  const path = join(base, "large");
  fs.writeFileSync(path, "a line of a large file, one of a great many\n".repeat(500_000));
  const reader = createTextReader({ clock: later });
  const read = (): Promise<TextRange> => readWith(reader, "large", { startLine: 400_000, maxLines: 100 });
  const cold = await bytesReadBy(read);
  const warm = await bytesReadBy(read);
  assert.ok(cold > 22_000_000, `cold: ${cold}`);
  assert.ok(warm < 200_000, `warm: ${warm}`);
});

/** Bytes that this process asked the kernel for; only Linux counts them, elsewhere the property above must do. */
async function bytesReadBy(use: () => Promise<unknown>): Promise<number> {
  if (process.platform !== "linux") return use().then(() => 0);
  const count = (): number => Number(/rchar: (\d+)/.exec(fs.readFileSync("/proc/self/io", "utf8"))?.[1]);
  const before = count();
  await use();
  return count() - before;
}

test("an aborted pass over a large file rejects and leaves no read behind", async () => {
  fs.writeFileSync(join(base, "aborted"), Buffer.alloc(8_000_000, "text\n"));
  const controller = new AbortController();
  const file = root.openFile("aborted");
  const reading = createTextReader({ clock: later }).read(file, everything, controller.signal);
  controller.abort();
  let name = "none";
  await reading.catch((error: Error) => {
    name = error.name;
  });
  assert.is(name, "AbortError");
  file.close();
});

test.run();
