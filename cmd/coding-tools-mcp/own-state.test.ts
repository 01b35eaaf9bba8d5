import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Config } from "../../internal/config/config.js";
import { claimState } from "./own-state.js";

test("a second program on one workspace gets state of its own, and the first place is free again after it", () => {
  const base = mkdtempSync(join(tmpdir(), "own-state-"));
  const uid = process.getuid?.() ?? 0;
  const config = { stateDir: join(base, "abc"), runtimeDir: "" } as Config;
  try {
    const first = claimState(config, uid);
    const second = claimState(config, uid);
    assert.is(first.config.stateDir, join(base, "abc"));
    assert.is(second.config.stateDir, join(base, "abc-2"));
    assert.is(second.config.runtimeDir, join(base, "abc-2/run"));
    assert.is(second.parent, base);
    first.release();
    const third = claimState(config, uid);
    assert.is(third.config.stateDir, join(base, "abc"));
    third.release();
    second.release();
  } finally {
    rmSync(base, { recursive: true });
  }
});

test.run();
