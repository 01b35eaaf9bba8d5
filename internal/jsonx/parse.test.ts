import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { parseJson } from "./parse.js";

const bytes = (text: string): Buffer => Buffer.from(text, "utf8");

/** The refusal's reason, or undefined when the document is accepted. */
function reasonOf(input: Uint8Array): unknown {
  try {
    parseJson(input);
    return undefined;
  } catch (error) {
    if (error instanceof Fault && error.code === "INVALID_ARGUMENT") return error.details.reason;
    throw error;
  }
}

const nested = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;

const accepted: readonly string[] = [
  "null",
  ' {"a":[1,2.5,-3e2,"x",true]} ',
  '{"text":"the constructor of __proto__ and prototype"}',
  '["__proto__","constructor"]',
  '{"constructors":1,"proto":2,"_prototype":3}',
  '{"text":"\\u00e9 and \\"quoted\\" \\\\"}',
  nested(64),
  `[${Array(500).fill("[[]]").join(",")}]`,
  `["${"[{".repeat(500)}"]`,
  `["${'\\"[{'.repeat(500)}\\\\"]`,
];

const refused: readonly (readonly [string, Uint8Array, string])[] = [
  ["empty", bytes(""), "syntax"],
  ["cut off", bytes('{"a":1'), "syntax"],
  ["trailing comma", bytes("[1,]"), "syntax"],
  ["two documents", bytes("{}{}"), "syntax"],
  ["byte order mark", bytes("\ufeff{}"), "syntax"],
  ["unclosed string", bytes(`["${"[".repeat(70)}`), "syntax"],
  ["one bad byte", Buffer.from([0x22, 0xff, 0x22]), "encoding"],
  ["a surrogate in utf-8", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), "encoding"],
  ["utf-16", Buffer.from('{"a":"é"}', "utf16le"), "encoding"],
  ["65 arrays", bytes(nested(65)), "depth"],
  ["65 objects", bytes(`${'{"a":'.repeat(65)}1${"}".repeat(65)}`), "depth"],
  ["deep after wide", bytes(`[${"[],".repeat(100)}${nested(64)}]`), "depth"],
  ["deep after a tricky string", bytes(`["\\\\\\"]",${nested(64)}]`), "depth"],
  ["half a million levels", bytes("[".repeat(524_288)), "depth"],
  ["__proto__", bytes('{"__proto__":{"admin":true}}'), "forbidden_key"],
  ["constructor, deep inside", bytes('[{"a":[{"constructor":1}]}]'), "forbidden_key"],
  ["prototype", bytes('{"prototype":1}'), "forbidden_key"],
  ["an escaped key", bytes('{"__pr\\u006fto__":1}'), "forbidden_key"],
];

for (const text of accepted) {
  test(`accepts ${text.slice(0, 50)}`, () => {
    assert.equal(parseJson(bytes(text)), JSON.parse(text));
  });
}

for (const [name, input, reason] of refused) {
  test(`refuses ${name}`, () => {
    assert.is(reasonOf(input), reason);
  });
}

test("control: without the guards JSON.parse lets depth and prototype keys through", () => {
  assert.ok(JSON.parse(nested(100_000)));
  const target: { admin?: boolean } = Object.assign({}, JSON.parse('{"__proto__":{"admin":true}}'));
  assert.is(target.admin, true);
});

test("reads a slice of a larger buffer", () => {
  const whole = bytes('xx{"a":1}xx');
  assert.equal(parseJson(whole.subarray(2, 9)), { a: 1 });
});

const key = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "prototype", "proto"));
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof({ depthSize: "small" }, fc.string(), fc.integer(), tie("list"), tie("object")),
  list: fc.array(tie("tree")),
  object: fc.array(fc.tuple(key, tie("tree"))).map((entries) => Object.fromEntries(entries) as unknown),
}));

/** Writes JSON with some characters of strings and keys escaped, so that a plain text search does not see them. */
function escapeSome(json: string, every: number): string {
  return json.replace(/[a-z_]/g, (char, at: number) =>
    at % every === 0 && json[at - 1] !== "\\"
      ? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`
      : char,
  );
}

test("property: the answer is JSON.parse's, unless a forbidden key is anywhere in it", () => {
  fc.assert(
    fc.property(tree, fc.integer({ min: 1, max: 9 }), fc.boolean(), (value, every, escaped) => {
      const plain = JSON.stringify(value);
      // Only strings and keys hold letters here: the trees have no true, false, null.
      const text = escaped ? escapeSome(plain.replace(/\\u[0-9a-f]{4}/g, ""), every) : plain;
      const forbidden = hasForbiddenKey(JSON.parse(text));
      if (forbidden) assert.is(reasonOf(bytes(text)), "forbidden_key");
      else assert.equal(parseJson(bytes(text)), JSON.parse(text));
    }),
    { numRuns: 2_000 },
  );
});

test("property: any bytes are either what JSON.parse makes of them or a typed refusal", () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.json().map(bytes)), (input) => {
      const reason = reasonOf(input);
      if (reason !== undefined) return;
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(input);
      assert.equal(parseJson(input), JSON.parse(text));
    }),
    { numRuns: 2_000 },
  );
});

function hasForbiddenKey(value: unknown): boolean {
  let found = false;
  JSON.stringify(value, (name, item: unknown) => {
    if (["__proto__", "constructor", "prototype"].includes(name)) found = true;
    return item;
  });
  return found;
}

test.run();
