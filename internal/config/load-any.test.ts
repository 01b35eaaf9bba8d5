// time limit: 150 s
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { faultOf, makeLoadPlace } from "./load.test.util.js";
import { problemsOf } from "./problem.js";

const { load, close } = makeLoadPlace();
test.after(close);

const fragments = fc.constantFrom(
  ...[
    "version: 1",
    "workspaces:",
    "path: src/app",
    "auth: ",
    "mode: none",
    "- ",
    "  ",
    "\n",
    "\t",
    ": ",
    "? ",
    "null",
    "~",
  ],
  ...[
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    "#",
    "|",
    ">",
    "---",
    "...",
    "&a ",
    "*a",
    "!!str ",
    "!x ",
    "<<: *a",
    "%YAML 1.1",
  ],
  ...["$", "{env:", "\0", "\uFFFD", "\uFEFF", "\r\n"],
);

test("no text at all makes anything but a config or a fault with places inside the text", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fragments, fc.string()), { maxLength: 25 }), (parts) => {
      const text = parts.join("");
      const fault = faultOf(() => load(text));
      if (fault === undefined) return;
      assert.is(fault.code, "CONFIG_INVALID");
      const lines = text.split("\n").length;
      for (const { line, col } of problemsOf(fault))
        assert.ok(line >= 1 && line <= lines && col >= 1, `${line}:${col}`);
    }),
    { numRuns: 2000 },
  );
});

test("no value of a known key makes anything else either", () => {
  const keys = [
    "hostname",
    "listen",
    "profile",
    "workspaces",
    "auth",
    "tunnel",
    "allowed_origins",
    "limits",
    "exec",
    "log",
    "state_dir",
  ];
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()), (values) => {
      const fault = faultOf(() =>
        load(JSON.stringify({ version: 1, workspaces: [{ path: "src/app" }], ...values })),
      );
      assert.ok(fault === undefined || problemsOf(fault).length > 0);
    }),
    { numRuns: 1000 },
  );
});

test.run();
