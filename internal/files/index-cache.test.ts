import type { BigIntStats } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../clock/clock.js";
import { createIndexCache } from "./index-cache.js";
import type { LineIndex } from "./line-index.js";

const now = 1_700_000_000_000;
const clock = { ...systemClock, now: () => now };

function statOf(ino: number, changes: Partial<BigIntStats> = {}): BigIntStats {
  const at = BigInt(now - 60_000);
  const times = { mtimeNs: at * 1_000_000n, ctimeMs: at, ctimeNs: at * 1_000_000n };
  return { dev: 1n, ino: BigInt(ino), size: 10n, ...times, ...changes } as BigIntStats;
}

function indexOf(marks: number): LineIndex {
  const list = Array.from({ length: marks }, (_, i) => i);
  return { encoding: "utf-8", bytes: 10, lines: 1, markLines: list, markOffsets: list };
}

test("an index is found again as long as its file has not changed", () => {
  for (const change of [{}, { size: 11n }, { mtimeNs: 1n }, { ctimeNs: 1n }, { ino: 2n }, { dev: 2n }]) {
    const cache = createIndexCache({ clock, maxBytes: 10_000 });
    const index = indexOf(1);
    cache.put(statOf(1), statOf(1), index);
    const found = cache.get({ ...statOf(1), ...change } as BigIntStats);
    assert.is(found, Object.keys(change).length === 0 ? index : undefined);
  }
});

test("what changed while it was read, or a moment ago, is not kept", () => {
  const cache = createIndexCache({ clock, maxBytes: 10_000 });
  cache.put(statOf(1), statOf(1, { size: 12n }), indexOf(1));
  assert.is(cache.get(statOf(1, { size: 12n })), undefined);
  for (const age of [-5_000, 0, 1_500]) {
    const recent = statOf(1, { ctimeMs: BigInt(now - age) });
    cache.put(recent, recent, indexOf(1));
    assert.is(cache.get(recent), undefined);
  }
});

test("the least recently used indexes make room, and none that is larger than all room stays", () => {
  const cache = createIndexCache({ clock, maxBytes: 5_000 });
  const put = (ino: number, marks = 100): void => cache.put(statOf(ino), statOf(ino), indexOf(marks));
  const kept = (): number[] => [1, 2, 3].filter((ino) => cache.get(statOf(ino)) !== undefined);
  put(1);
  put(2);
  assert.ok(cache.get(statOf(1)));
  put(3);
  assert.equal(kept(), [1, 3]);
  put(1, 1_000);
  assert.equal(kept(), []);
  put(2);
  put(2);
  put(3);
  assert.equal(kept(), [2, 3]);
});

test.run();
