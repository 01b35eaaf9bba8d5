import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { excerpt, page } from "./excerpt.js";
import { createRing, type OutputRing } from "./ring.js";

/** Bytes as programs write them: whole characters, broken ones, and noise. */
const output = fc
  .array(
    fc.oneof(
      fc.constantFrom("a", "\n", "é", "€", "🙂").map((text) => Buffer.from(text)),
      fc.constantFrom("🙂", "€").map((text) => Buffer.from(text).subarray(0, 2)),
      fc.uint8Array({ minLength: 1, maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 60 },
  )
  .map((parts) => Buffer.concat(parts));

const chunked = fc.tuple(output, fc.array(fc.nat({ max: 400 }), { maxLength: 8 })).map(([bytes, cuts]) => {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
});

function ringOf(chunks: readonly Uint8Array[], head: number, tail: number): OutputRing {
  const ring = createRing({ head, tail });
  for (const chunk of chunks) ring.append(chunk);
  return ring;
}

test("the ring keeps exactly the first and the last bytes, however they came", () => {
  fc.assert(
    fc.property(
      chunked,
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 50 }),
      (chunks, head, tail) => {
        const ring = ringOf(chunks, head, tail);
        const all = Buffer.concat(chunks);
        assert.is(ring.total, all.length);
        assert.is(ring.headEnd, Math.min(head, all.length));
        assert.is(ring.tailStart, Math.max(ring.headEnd, all.length - tail));
        assert.ok(ring.held <= head + tail);
        for (let from = 0; from <= all.length; from++) {
          const { from: start, bytes } = ring.read(from, 7);
          const gone = from >= ring.headEnd && from < ring.tailStart;
          assert.is(start, gone ? ring.tailStart : from);
          const stop = start < ring.headEnd && ring.headEnd < ring.tailStart ? ring.headEnd : all.length;
          assert.equal(bytes, all.subarray(start, Math.min(start + 7, stop)));
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("a ring takes memory as output comes and gives it back", () => {
  const ring = createRing({ head: 65_536, tail: 458_752 });
  ring.append(Buffer.from("small"));
  assert.ok(ring.held <= 4096);
  for (let i = 0; i < 100; i++) ring.append(Buffer.alloc(65_536));
  assert.is(ring.held, 524_288);
  ring.forget();
  assert.is(ring.held, 0);
  assert.equal([ring.read(0, 10).bytes.length, ring.total], [0, 5 + 100 * 65_536]);
});

test("the texts of successive pages make the text of the stream", () => {
  fc.assert(
    fc.property(chunked, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (chunks, limits) => {
      const ring = ringOf(chunks, 40, 10_000);
      let text = "";
      let offset = 0;
      for (let turn = 0; offset < ring.total; turn++) {
        const limit = limits[turn % limits.length] ?? 1;
        const next = page(ring, { from: offset, limit, ended: true });
        assert.is(next.offset, offset);
        assert.ok(next.nextOffset > offset && next.nextOffset <= offset + Math.max(limit, 4));
        text += next.content;
        offset = next.nextOffset;
      }
      assert.is(text, Buffer.concat(chunks).toString());
    }),
    { numRuns: 1000 },
  );
});

test("while a stream runs, nothing that was shown changes later", () => {
  fc.assert(
    fc.property(chunked, (chunks) => {
      const ring = createRing({ head: 5000, tail: 5000 });
      let text = "";
      let offset = 0;
      chunks.forEach((chunk, index) => {
        ring.append(chunk);
        const ended = index === chunks.length - 1;
        const part = excerpt(ring, { from: offset, limit: 10_000, ended });
        text += part.text;
        offset = part.end;
      });
      assert.is(text, Buffer.concat(chunks).toString());
    }),
    { numRuns: 1000 },
  );
});

test("a page that begins in the gap moves to its end, past the rest of a lost character", () => {
  const bytes = Buffer.from(`head${"x".repeat(20)}🙂tail`);
  const ring = ringOf([bytes], 4, 6);
  assert.equal(page(ring, { from: 2, limit: 100, ended: true }), { content: "ad", offset: 2, nextOffset: 4 });
  assert.equal(page(ring, { from: 4, limit: 100, ended: true }), {
    content: "tail",
    offset: bytes.length - 4,
    nextOffset: bytes.length,
  });
  assert.equal(page(ring, { from: 999, limit: 5, ended: true }).nextOffset, bytes.length);
});

test("an excerpt accounts for every byte of its stretch", () => {
  fc.assert(
    fc.property(
      chunked,
      fc.record({ head: fc.integer({ min: 1, max: 40 }), tail: fc.integer({ min: 1, max: 40 }) }),
      fc.integer({ min: 1, max: 60 }),
      fc.nat({ max: 300 }),
      fc.boolean(),
      (chunks, size, limit, start, ended) => {
        const ring = ringOf(chunks, size.head, size.tail);
        const from = start % (ring.total + 1);
        const got = excerpt(ring, { from, limit, ended });
        assert.is(got.bytes + got.omitted + got.dropped, got.end - from);
        assert.ok(got.bytes <= limit && got.omitted >= 0 && got.dropped >= 0);
        assert.ok(got.end <= ring.total && got.end >= Math.max(from, ring.total - 3));
        assert.is(got.cutBy === null, got.omitted + got.dropped === 0);
        assert.is(got.resumeAt === undefined, got.omitted === 0);
        if (got.resumeAt !== undefined) {
          assert.is(ring.read(got.resumeAt, 1).from, got.resumeAt);
          assert.is(ring.read(got.resumeAt, 1).bytes.length, 1);
        }
      },
    ),
    { numRuns: 3000 },
  );
});

test("a cut excerpt shows both ends and says how much is between them", () => {
  const ring = ringOf([Buffer.from(`${"h".repeat(100)}${"t".repeat(100)}`)], 1000, 1000);
  const { text, resumeAt, omitted, dropped, lines } = excerpt(ring, { from: 0, limit: 40, ended: true });
  assert.is(text, `${"h".repeat(10)}\n[... 160 bytes not shown ...]\n${"t".repeat(30)}`);
  assert.equal([resumeAt, omitted, dropped, lines], [10, 160, 0, 3]);
});

test.run();
