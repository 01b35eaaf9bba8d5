import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Mount, slotArgv } from "./argv.js";

const base = {
  bwrap: "/usr/bin/bwrap",
  mounts: [],
  chdir: "/work",
  network: "inherited",
  terminal: false,
  filter: true,
} as const;

/** The mount options of an argument list after the fixed ones. */
function mountsOf(mounts: readonly Mount[]): string {
  const argv = slotArgv({ ...base, mounts });
  return argv.slice(argv.indexOf("--dev") + 2, argv.indexOf("--proc")).join(" ");
}

test("mounts follow their parents, whatever the order they came in", () => {
  const mounts: Mount[] = [
    { kind: "read", at: "/home/u/app/.git/hooks", from: "/home/u/app/.git/hooks" },
    { kind: "write", at: "/home/u/app", from: "/home/u/app" },
    { kind: "blank", at: "/home/u/app/secret" },
    { kind: "empty", at: "/home" },
  ];
  const expected =
    "--tmpfs /home --bind /home/u/app /home/u/app --ro-bind /dev/null /home/u/app/secret " +
    "--ro-bind /home/u/app/.git/hooks /home/u/app/.git/hooks";
  assert.is(mountsOf(mounts), expected);
  assert.is(mountsOf([...mounts].reverse()), expected);
});

test("of two mounts for one place the later holds", () => {
  const write: Mount = { kind: "write", at: "/x", from: "/y" };
  const empty: Mount = { kind: "empty", at: "/x" };
  assert.is(mountsOf([write, empty]), "--tmpfs /x");
  assert.is(mountsOf([empty, write]), "--bind /y /x");
});

test("the host's root comes before all mounts, what tells of them after, and the command after everything", () => {
  const argv = slotArgv({ ...base, mounts: [{ kind: "empty", at: "/home" }] });
  assert.ok(argv.indexOf("--ro-bind") < argv.indexOf("--tmpfs"));
  assert.ok(argv.indexOf("--tmpfs") < argv.indexOf("--proc"));
  assert.is(argv.at(-1), "--");
});

test("a terminal keeps its session, and a private network is asked for only where none is inherited", () => {
  assert.not(slotArgv({ ...base, terminal: true }).includes("--new-session"));
  assert.ok(slotArgv(base).includes("--new-session"));
  assert.not(slotArgv(base).includes("--unshare-net"));
  assert.ok(slotArgv({ ...base, network: "private" }).includes("--unshare-net"));
});

test.run();
