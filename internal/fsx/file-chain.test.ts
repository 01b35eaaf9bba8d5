import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { linksTo, wayTo } from "./file-chain.js";

const base = realpathSync(mkdtempSync(join(tmpdir(), "chain-")));
const at = (name: string): string => join(base, name);
test.after(() => rmSync(base, { recursive: true }));
mkdirSync(at("a/b"), { recursive: true });
writeFileSync(at("a/b/file"), "");
symlinkSync("../a/b", at("a/relative"));
symlinkSync(at("a/relative"), at("absolute"));

test("a way ends where the kernel ends it", () => {
  for (const path of ["a/b/file", "a/relative/file", "absolute/file", "absolute", "a/b"])
    assert.is(wayTo(at(path)).end, realpathSync(at(path)), path);
  assert.is(wayTo("/").end, "/");
});

test("the links on it are told, each by the place where it lies", () => {
  assert.equal(linksTo(at("absolute/file")), [at("absolute"), at("a/relative")]);
  assert.equal(linksTo(at("a/b/file")), []);
});

test("what is missing, and a ring of links, lead nowhere", () => {
  symlinkSync("ring", at("ring"));
  for (const path of ["a/absent", "a/b/file/below", "ring", "ring/file"]) {
    assert.is(wayTo(at(path)).end, undefined, path);
    assert.throws(() => realpathSync(at(path)), undefined, "control");
  }
});

test("forty links are followed, as by the kernel, and not one more", () => {
  symlinkSync("a", at("link-0"));
  for (let n = 1; n <= 40; n++) symlinkSync(`link-${n - 1}`, at(`link-${n}`));
  assert.is(wayTo(at("link-39")).end, at("a"));
  assert.is(wayTo(at("link-40")).end, undefined);
  assert.throws(() => realpathSync.native(at("link-40")), /ELOOP/);
});

test.run();
