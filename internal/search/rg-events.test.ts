import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type RgEvents, type RgLine, readEvents } from "./rg-events.js";

interface Seen {
  readonly lines: RgLine[];
  readonly skipped: string[];
  ends: number;
}

function collect(): { seen: Seen; events: RgEvents } {
  const seen: Seen = { lines: [], skipped: [], ends: 0 };
  return {
    seen,
    events: {
      line: (line) => {
        seen.lines.push(line);
        return line.bytes.toString() === "enough\n";
      },
      fileEnd: () => {
        seen.ends++;
        return false;
      },
      skipped: (why) => seen.skipped.push(why),
    },
  };
}

function event(type: string, lines: object, path: object = { text: "./a" }): string {
  const submatches = type === "match" ? [{ match: { text: "x" }, start: 1, end: 2 }] : [];
  return `${JSON.stringify({ type, data: { path, lines, line_number: 7, absolute_offset: 40, submatches } })}\n`;
}

const stream = Buffer.from(
  [
    `${JSON.stringify({ type: "begin", data: { path: { text: "./a" } } })}\n`,
    event("match", { text: "éx\n" }),
    event("context", { bytes: Buffer.from([0xe9, 10]).toString("base64") }),
    event("match", { text: "n\n" }, { bytes: "/w==" }),
    `${JSON.stringify({ type: "end", data: { path: { text: "./a" } } })}\n`,
    `${JSON.stringify({ type: "summary", data: {} })}\n`,
  ].join(""),
);

test("reads the same events however the stream is cut", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), (cuts) => {
      const { seen, events } = collect();
      const take = readEvents(events);
      let from = 0;
      for (const to of [...cuts.sort((a, b) => a - b), stream.length]) {
        assert.is(take(stream.subarray(from, to)), false);
        from = to;
      }
      const [match, context] = seen.lines;
      const place = { path: "./a", number: 7, offset: 40 };
      assert.equal(seen.lines.length, 2);
      assert.equal(match, {
        ...place,
        matched: true,
        bytes: Buffer.from("éx\n"),
        text: "éx\n",
        start: 1,
        end: 2,
      });
      assert.equal(context, {
        ...place,
        matched: false,
        bytes: Buffer.from([0xe9, 10]),
        text: "é\n",
        start: 0,
        end: 0,
      });
      assert.equal(seen.skipped, ["name"]);
      assert.is(seen.ends, 1);
    }),
  );
});

test("a match is as long as it is told to be, in characters", () => {
  const { seen, events } = collect();
  readEvents(events, 3)(Buffer.from(event("match", { text: "aé€𝒳b\n" })));
  assert.equal([seen.lines[0]?.start, seen.lines[0]?.end], [1, 1 + 2 + 3 + 4]);
});

test("stops in the middle of a chunk", () => {
  const { seen, events } = collect();
  const text = event("match", { text: "enough\n" }) + event("match", { text: "more\n" });
  assert.is(readEvents(events)(Buffer.from(text)), true);
  assert.is(seen.lines.length, 1);
});

test("leaves out a line that would fill the memory and goes on behind it", () => {
  const { seen, events } = collect();
  const take = readEvents(events);
  const long = Buffer.from(event("match", { text: "x".repeat(20 << 20) }));
  for (let at = 0; at < long.length; at += 1 << 16) assert.is(take(long.subarray(at, at + (1 << 16))), false);
  take(Buffer.from(event("match", { text: "after\n" })));
  assert.equal(seen.skipped, ["length"]);
  assert.equal(
    seen.lines.map(({ bytes }) => bytes.toString()),
    ["after\n"],
  );
});

test.run();
