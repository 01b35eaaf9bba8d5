import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Fault } from "../errs/errs.js";
import { systemFault } from "./faults.js";

for (const [errno, code] of [
  ["ENOENT", "NOT_FOUND"],
  ["ENOTDIR", "NOT_A_DIRECTORY"],
  ["EACCES", "PERMISSION_REQUIRED"],
  ["EPERM", "PERMISSION_REQUIRED"],
  ["ENAMETOOLONG", "INVALID_ARGUMENT"],
  ["ELOOP", "INVALID_ARGUMENT"],
  ["EMFILE", "SERVER_BUSY"],
  ["ENFILE", "SERVER_BUSY"],
  ["EIO", "INTERNAL_ERROR"],
] as const) {
  test(`the system error ${errno} becomes ${code}`, () => {
    const fault = systemFault(Object.assign(new Error("injected"), { code: errno }), "p");
    assert.is((fault as Fault).code, code);
  });
}

test("a bug stays a bug", () => {
  const bug = new TypeError("bug");
  assert.is(systemFault(bug, "p"), bug);
});

test.run();
