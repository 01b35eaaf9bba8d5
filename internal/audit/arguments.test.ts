import { test } from "uvu";
import * as assert from "uvu/assert";
import { boundArguments, shortText } from "./arguments.js";

const asIs = (text: string): string => text;

test("what says what was done is kept as it is", () => {
  const args = { path: "src/a.ts", offset: 1, all: true, nothing: null, list: ["a", { b: [1, 2] }] };
  assert.equal({ ...boundArguments(args, asIs) }, args);
});

test("of contents and keystrokes the size is kept, of variables the names", () => {
  const args = {
    patch: "x".repeat(70),
    old_text: "a",
    new_text: "",
    chars: "secret",
    env: { TOKEN: "secret", A: "b" },
  };
  assert.equal(
    { ...boundArguments(args, asIs) },
    {
      patch: "(70 characters)",
      old_text: "(1 characters)",
      new_text: "(0 characters)",
      chars: "(6 characters)",
      env: ["TOKEN", "A"],
    },
  );
  assert.equal(
    { ...boundArguments({ env: "secret", stdin: undefined }, asIs) },
    { env: "(6 characters)", stdin: "(0 characters)" },
  );
});

test("what is no text where one is expected has a size as well", () => {
  const args = JSON.parse('{"patch":{"toString":1},"stdin":["ab"],"env":7,"chars":{"toJSON":1}}');
  assert.throws(() => String(args.patch), TypeError, "control: it cannot be made a text");
  assert.equal(
    { ...boundArguments(args, asIs) },
    {
      patch: "(14 characters)",
      stdin: "(6 characters)",
      env: "(1 characters)",
      chars: "(12 characters)",
    },
  );
});

let deep: unknown = "end";
for (let i = 0; i < 20_000; i++) deep = [deep];
const huge: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "a long text": { x: "é".repeat(1e6) },
  "a long list": { x: Array.from({ length: 1e5 }, () => "aaaaaaaa") },
  "many fields": Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => [`k${i}`, "v"])),
  "many fields in a field": { x: Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => [`k${i}`, "v"])) },
  "long names": Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`${i}${"k".repeat(1e5)}`, "v"])),
  "many long texts": Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, "v".repeat(1e5)])),
  depth: { x: deep },
};
for (const [name, args] of Object.entries(huge)) {
  test(`${name} is cut, and what comes first stays`, () => {
    const text = JSON.stringify(boundArguments({ path: "first", ...args }, asIs));
    assert.ok(text.length < 4_000, `${text.length}`);
    assert.match(text, /^\{"path":"first","/);
  });
}

test("a field may have any name", () => {
  const args = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}') as Record<string, unknown>;
  assert.is(JSON.stringify(boundArguments(args, asIs)), '{"__proto__":{"a":1},"constructor":2}');
});

test("a text that was cut says how long it was", () => {
  assert.is(shortText("x".repeat(400), asIs), "x".repeat(400));
  assert.is(shortText("x".repeat(401), asIs), `${"x".repeat(400)}... (401 characters)`);
});

test("a secret across the place of a cut is taken out whole", () => {
  const secret = "canary-0123456789";
  const redact = (text: string): string => text.replaceAll(secret, "***");
  const across = (at: number): string => `${"x".repeat(at - 8)}${secret} and more`.padEnd(500, "y");
  const args = { cmd: across(400), list: [{ deep: across(400), [across(64)]: 1 }], [across(64)]: 1 };
  assert.match(JSON.stringify(boundArguments(args, asIs)), "canary-0", "control: it is cut in the middle");
  assert.not.match(JSON.stringify(boundArguments(args, redact)), "canary");
});

test.run();
