import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Fault } from "../errs/errs.js";
import { type Applied, applyHunks } from "./hunks.js";
import { parsePatch } from "./parse.js";
import { joinText, parseText } from "./text.js";

/** Applies the body of one update section to `text`. */
function run(text: string, body: string): Applied | ReturnType<typeof applyHunks> {
  const [operation] = parsePatch(`*** Begin Patch\n*** Update File: f\n${body}\n*** End Patch`).operations;
  if (operation?.kind !== "update") throw new Error("no update");
  return applyHunks(text, operation.hunks, "f");
}

function applied(text: string, body: string): Applied {
  const result = run(text, body);
  if ("miss" in result) throw new Error(`no place: ${JSON.stringify(result)}`);
  return result;
}

/** How a hunk misses: "none" or the lines, from 1, it fits at. */
function missOf(text: string, body: string): unknown {
  const result = run(text, body);
  if (!("miss" in result)) throw new Error(`applied: ${result.text}`);
  return result.miss.kind === "none" ? "none" : result.miss.at.map((at) => at + 1);
}

const two =
  "class A:\n    def run(self):\n        return 1\n\nclass B:\n    def run(self):\n        return 1\n";

const rows: [what: string, text: string, body: string, expected: string, matchedWith?: string][] = [
  ["a line", "a\nb\nc\n", "-b\n+B", "a\nB\nc\n"],
  ["blank context without prefix", "a\n\nb\n", "@@\n a\n\n-b\n+B", "a\n\nB\n"],
  ["space before the next section", "a\nb\n", "-a\n+A\n\n", "A\nb\n"],
  ["the line end at the end is an ordinary line", "a\nb\n", "-b\n-\n+B", "a\nB"],
  ["no final newline", "a\nb", "-b\n+B", "a\nB"],
  ["a line added behind a last one without newline", "a\nb", " b\n+c", "a\nb\nc"],
  ["the last of several lines removed", "a\nb", "-b", "a"],
  ["all removed", "a", "-a", ""],
  ["an empty file filled", "", "+a\n+b", "a\nb\n", "end_of_file"],
  ["CRLF", "a\r\nb\r\n", "-b\n+B\n+C", "a\r\nB\r\nC\r\n"],
  ["each line keeps its own line end", "a\r\nb\nc\rd\n", "-a\n-b\n-c\n+A\n+B\n+C", "A\r\nB\nC\rd\n"],
  ["a new line takes the one before it", "a\r\nb\nc\n", " a\n+x", "a\r\nx\r\nb\nc\n"],
  ["lone CR", "a\rb\rc", "-b\n+B", "a\rB\rc"],
  ["a lone CR in a patch line", "a\rb\n", "-a\rb\n+A\rB", "A\rB\n"],
  ["CR spelled out", "a\nb\n", "-b\n+B\r", "a\nB\r\n"],
  ["a byte order mark", "\ufeffa\nb\n", "-a\n+A", "\ufeffA\nb\n"],
  ["form feed and U+2028 split nothing", "a\fb\u2028c\n", "-a\fb\u2028c\n+d", "d\n"],
  ["trailing white space", "a  \nb\n", " a\n-b\n+B", "a  \nB\n", "trailing_whitespace"],
  [
    "indentation missing in the patch",
    "  a {\n    b\n  }\n",
    " a {\n-  b\n+  B\n+    C\n }",
    "  a {\n    B\n      C\n  }\n",
    "indentation",
  ],
  ["indentation too deep in the patch", "a\n  b\n", "   a\n-    b\n+    B", "a\n  B\n", "indentation"],
  [
    "tabs in the file, spaces in the patch",
    "\ta\n\t\tb\n",
    "     a\n-        b\n+        B\n+            C",
    "\ta\n\t\tB\n\t\t\tC\n",
    "indentation",
  ],
  [
    "spaces in the file, tabs in the patch",
    "  a\n    b\n",
    " \ta\n-\t\tb\n+\t\tB",
    "  a\n    B\n",
    "indentation",
  ],
  ["exact wins over a looser place", "a \na\n", "-a\n+A", "a \nA\n"],
  ["an anchor", two, "@@ class B:\n-        return 1\n+        return 2", two.replace(/1\n$/, "2\n")],
  [
    "anchors one below the other",
    two,
    "@@ class B:\n@@     def run(self):\n-        return 1\n+        return 2",
    two.replace(/1\n$/, "2\n"),
  ],
  [
    "an anchor's block comes before what is below",
    two,
    "@@ class A:\n-        return 1\n+        return 2",
    two.replace("1", "2"),
  ],
  [
    "part of a line as anchor",
    "x\nfunction f(a) {\n  x\n}\n",
    "@@ function f\n-  x\n+  y",
    "x\nfunction f(a) {\n  y\n}\n",
  ],
  [
    "brackets do not end a block",
    "int f()\n{\n  x;\n}\nint g()\n{\n  x;\n}\n",
    "@@ int f()\n-  x;\n+  y;",
    "int f()\n{\n  y;\n}\nint g()\n{\n  x;\n}\n",
  ],
  ["the anchor as first context line", "a\nb\n", "@@ a\n a\n-b\n+B", "a\nB\n"],
  ["a header of a unified diff", "a\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n+B", "a\nB\n"],
  ["an anchor that is not there, with lines that are unique", "a\nb\n", "@@ nowhere\n-b\n+B", "a\nB\n"],
  ["an insert below its anchor", "a\nb\nc\n", "@@ b\n+x", "a\nb\nx\nc\n", "anchor"],
  ["an insert without any place", "a\nb\n", "@@\n+x", "a\nb\nx\n", "end_of_file"],
  ["an insert at the end without newline", "a\nb", "+x", "a\nb\nx", "end_of_file"],
  ["an insert at the end of the file", "a\nb\n", "@@\n+x\n*** End of File", "a\nb\nx\n", "end_of_file"],
  ["an insert between context lines", "a\nb\na\nc\n", " a\n+x\n c", "a\nb\na\nx\nc\n"],
  ["an insert before the first line", "a\nb\n", "+x\n a", "x\na\nb\n"],
  ["End of File", "a\nb\na\n", "@@\n-a\n+A\n*** End of File", "a\nb\nA\n"],
  ["hunks in any order", "a\nb\nc\n", "@@\n-c\n+C\n@@\n-a\n+A", "A\nb\nC\n"],
  ["hunks that share context", "a\nb\nc\n", "@@\n-a\n+A\n b\n@@\n b\n-c\n+C", "A\nb\nC\n"],
  [
    "a line that looks like a header",
    "*** End of File\nb\n",
    " *** End of File\n-b\n+B",
    "*** End of File\nB\n",
  ],
];

for (const [what, text, body, expected, matchedWith = "exact"] of rows) {
  test(`applies: ${what}`, () => {
    const result = applied(text, body);
    assert.is(JSON.stringify(result.text), JSON.stringify(expected));
    assert.is(result.matchedWith, matchedWith);
    assert.is(
      result.notes.length > 0,
      ["trailing_whitespace", "indentation"].includes(matchedWith) || /nowhere/.test(body),
    );
  });
}

const misses: [what: string, text: string, body: string, expected: unknown][] = [
  ["nowhere", "a\n", "-b\n+c", "none"],
  ["several", two, "-        return 1\n+        return 2", [3, 7]],
  ["several but for trailing space", "a \nb\na\t\n", "-a\n+A", [1, 3]],
  ["several below one anchor", "f\n  x\n  x\n", "@@ f\n-  x\n+  y", [2, 3]],
  ["not below its anchor", "x\nf\n  y\n", "@@ f\n-x\n+z", "none"],
  ["not at the end of the file", "a\nb\n", "@@\n-a\n+A\n*** End of File", "none"],
  ["an insert with an anchor that is not there", "a\n", "@@ b\n+x", "none"],
  ["an insert with two such anchors", "a\nb\na\n", "@@ a\n+x", [1, 3]],
  ["an anchor that is not there, with lines that are not unique", "a\na\n", "@@ b\n-a\n+A", "none"],
  ["lines with another line between them", "a\nx\nb\n", " a\n-b\n+B", "none"],
  ["similar, never equal", "const value = compute(1);\n", "-const value = compute(2);\n+x", "none"],
  ["indentation by no one rule", "  a\n      b\n", " a\n-  b\n+  c", "none"],
  ["an added line that cannot be indented less", "a\nb\n", "   a\n-  b\n+c", "none"],
  ["blank lines only, but for white space", "\t\n", "- \n+x", "none"],
];

for (const [what, text, body, expected] of misses) {
  test(`does not apply: ${what}`, () => assert.equal(missOf(text, body), expected));
}

test("hunks that remove what another one needs are refused", () => {
  for (const body of ["@@\n-a\n+A\n@@\n-a\n+B", "@@\n-a\n-b\n@@\n a\n-b\n+B", "@@\n a\n-b\n@@\n b\n+x"]) {
    try {
      run("a\nb\n", body);
      assert.unreachable(body);
    } catch (error) {
      assert.is((error as Fault).code, "PATCH_HUNKS_OVERLAP", body);
    }
  }
});

const malformed = [
  "",
  "*** Begin Patch\n*** End Patch",
  "*** Update File: f\n-a\n+b\n*** End Patch",
  "*** Begin Patch\n*** Update File: f\n-a\n+b",
  "*** Begin Patch\n*** Update File: f\n*** End Patch",
  "*** Begin Patch\n*** Update File: f\n@@\n*** End Patch",
  "*** Begin Patch\n*** Update File: f\n@@\nno prefix\n*** End Patch",
  "*** Begin Patch\n*** Update File: f\n-a\n\\ No newline at end of file\n*** End Patch",
  "*** Begin Patch\n*** Update File:\n-a\n*** End Patch",
  "*** Begin Patch\n*** Add File: f\nno plus\n*** End Patch",
  "*** Begin Patch\n*** Delete File: f\n-a\n*** End Patch",
  "*** Begin Patch\nstray\n*** Delete File: f\n*** End Patch",
  "*** Begin Patch\n*** Rename File: f\n*** End Patch",
];
for (const text of malformed) {
  test(`refuses ${JSON.stringify(text)}`, () => {
    try {
      parsePatch(text);
      assert.unreachable();
    } catch (error) {
      assert.is((error as Fault).code, "PATCH_FAILED");
    }
  });
}

test("a patch sent in CRLF throughout adds no CR", () => {
  const [operation] = parsePatch(
    "*** Begin Patch\r\n*** Update File: f\r\n-b\r\n+B\r\n*** End Patch",
  ).operations;
  assert.ok(operation?.kind === "update");
  const result = applyHunks("a\nb\n", operation.hunks, "f");
  assert.is("text" in result && result.text, "a\nB\n");
});

test("any text taken apart and put together is the same", () => {
  const part = fc.oneof(fc.constantFrom("\n", "\r\n", "\r", "\ufeff", "\u2028", "\f", ""), fc.string());
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const text = parts.join("");
      assert.is(joinText(parseText(text)), text);
    }),
  );
});

test("bytes outside the changed lines stay, whatever the line ends", () => {
  const line = fc.record({ text: fc.string({ maxLength: 5 }), eol: fc.constantFrom("\n", "\r\n", "\r") });
  const file = fc.record({
    lines: fc.array(line, { minLength: 1, maxLength: 12 }),
    ended: fc.boolean(),
    bom: fc.boolean(),
  });
  fc.assert(
    fc.property(
      file,
      fc.nat(),
      fc.nat(),
      fc.array(fc.string({ maxLength: 4 }), { maxLength: 3 }),
      ({ lines, ended, bom }, a, b, added) => {
        const texts = lines.map(({ text }, i) => `${i}:${text.replace(/[\r\n]/g, "")}`);
        const from = a % texts.length;
        const to = from + 1 + (b % (texts.length - from));
        const whole = lines.map(({ eol }, i) => `${texts[i]}${i === texts.length - 1 && !ended ? "" : eol}`);
        const start = (bom ? "\ufeff" : "") + whole.slice(0, from).join("");
        const end = whole.slice(to).join("");
        const fresh = added.map((text) => `+n${text.replace(/[\r\n]/g, "")}`);
        if (fresh.length === 0 && (to === texts.length || from === 0)) return;
        const body = [...texts.slice(from, to).map((text) => `-${text}`), ...fresh].join("\n");
        const { text } = applied((bom ? "\ufeff" : "") + whole.join(""), `@@\n${body}`);
        assert.ok(text.startsWith(start) && text.endsWith(end), JSON.stringify({ whole, body, text }));
        assert.is(
          parseText(text).lines.length,
          parseText(whole.join("")).lines.length - (to - from) + fresh.length,
        );
      },
    ),
    { numRuns: 2000 },
  );
});

test.run();
