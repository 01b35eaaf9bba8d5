import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemProgram } from "./system-program.js";

test("programs of the system are found by name, whatever PATH says, and others are not", () => {
  const { PATH } = process.env;
  process.env.PATH = "/nowhere";
  try {
    assert.match(systemProgram("sh") ?? "", /^\/.*\/sh$/);
    assert.is(systemProgram("no-such-program"), undefined);
  } finally {
    process.env.PATH = PATH;
  }
});

test.run();
