import { test } from "uvu";
import * as assert from "uvu/assert";
import { digestOf, summaryOf } from "./subject.js";

const from = { workspace: "app", caller: "ann" };
/** As a client may send it. */
const odd = JSON.parse('{"toString":1}') as object;

test("what is asked about is shown, of whatever kind its arguments are", () => {
  assert.throws(() => String(odd), TypeError, "control: it cannot be made a text");
  const args = { cmd: odd, cwd: odd, env: { A: odd, B: "b" }, stdin: odd };
  const text = JSON.stringify(odd);
  assert.is(
    summaryOf({ tool: "exec_command", args, ...from }),
    [text, `in folder ${text}`, `with A=${text}`, "with B=b", `with standard input: ${text}`].join("\n"),
  );
  assert.is(summaryOf({ tool: "apply_patch", args: { patch: odd }, ...from }), text);
  assert.is(summaryOf({ tool: "apply_patch", args: {}, ...from }), "");
  assert.match(digestOf({ tool: "exec_command", args, ...from }), /^[0-9a-f]{64}$/);
});

test.run();
