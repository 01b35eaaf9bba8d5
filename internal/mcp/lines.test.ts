import { Readable } from "node:stream";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readLines } from "./lines.js";

async function collect(chunks: readonly Uint8Array[], maxBytes: number): Promise<string[]> {
  const input = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  const lines: string[] = [];
  for await (const line of readLines(input, maxBytes)) lines.push(line.toString());
  return lines;
}

/** Cuts `bytes` at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort(
    (a, b) => a - b,
  );
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}

test("however the bytes arrive, the lines are those of the whole", async () => {
  const text = fc.array(fc.constantFrom("\n", "a", "é", "{}", "\r")).map((parts) => parts.join(""));
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(), { maxLength: 8 }), async (whole, places) => {
      const expected = whole.split("\n");
      if (expected.at(-1) === "") expected.pop();
      assert.equal(await collect(cut(Buffer.from(whole), places), 1_000), expected);
    }),
  );
});

test("a line of exactly the limit is whole, one byte more is too long, and the next is read", async () => {
  const whole = Buffer.from("12345678\n123456789\nnext\n123456789");
  for (const size of [1, 3, 100]) {
    const chunks = cut(
      whole,
      Array.from({ length: Math.ceil(whole.length / size) }, (_, index) => index * size),
    );
    assert.equal(await collect(chunks, 8), ["12345678", "too-long", "next", "too-long"]);
  }
});

test.run();
