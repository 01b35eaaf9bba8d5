import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inOrder, type Mount, slotArgv } from "./argv.js";
import { systemHost } from "./host.js";
import { checkOf } from "./script.js";
import { sealsOf } from "./seal.js";

// Outside of /tmp, which the plans below may replace. Spaces and the like are written otherwise by the kernel.
const base = realpathSync(mkdtempSync("/var/tmp/seal it\\s-"));
const at = (name: string): string => join(base, name);
test.after(() => rmSync(base, { recursive: true }));
test.before.each(() => {
  rmSync(base, { recursive: true });
  for (const name of ["app/.git/hooks", "app/bin", "home", ".ssh"]) mkdirSync(at(name), { recursive: true });
  writeFileSync(at(".ssh/id"), "secret");
  writeFileSync(at("app/.git/config"), "");
});

const real = (path: string): Mount => ({ kind: "read", at: path, from: path });
const plan = (): Mount[] => [
  { kind: "empty", at: base },
  { kind: "empty", at: at(".ssh") },
  { kind: "write", at: at("app"), from: at("app") },
  { kind: "write", at: at("other name"), from: at("home") },
  real(at("app/.git/hooks")),
  real(at("app/bin")),
  { kind: "blank", at: at("app/.git/config") },
];

const ownMounts = (): string => readFileSync("/proc/self/mountinfo", "utf8");

/** Plans, lets `meanwhile` happen, then runs a command as planned; with the seals or without. */
function run(meanwhile: () => void, { sealed }: { sealed: boolean }): { out: string; code: number | null } {
  const mounts = plan();
  const seals = sealed ? sealsOf(inOrder(mounts), ownMounts(), systemHost) : [];
  const [file = "", ...argv] = slotArgv({
    bwrap: "/usr/bin/bwrap",
    mounts,
    chdir: "/",
    network: "private",
    terminal: false,
    filter: false,
  });
  meanwhile();
  const script = [
    ...checkOf(seals),
    'cat "$1"/.ssh/id "$1"/app/bin/id; echo x >"$1/app/.git/hooks/evil"; echo ran',
  ];
  const args = [...argv, "/bin/bash", "-c", script.join("\n"), "bash", base];
  const stdio = ["ignore", "pipe", "ignore", "ignore", "pipe"] as const;
  const { stdout, status } = spawnSync(file, args, { encoding: "utf8", stdio: [...stdio] });
  return { out: stdout, code: status };
}

/** What commands that write in the workspace can do between the plan and the start. */
const swaps: readonly [what: string, where: string, swap: () => void, harm: RegExp][] = [
  [
    "a source that becomes a link",
    "app/bin",
    () => {
      rmSync(at("app/bin"), { recursive: true });
      symlinkSync("../.ssh", at("app/bin"));
    },
    /secret/,
  ],
  [
    "a folder on the way that becomes a link",
    "app/.git/hooks",
    () => {
      renameSync(at("app/.git"), at("app/moved"));
      mkdirSync(at("app/elsewhere/hooks"), { recursive: true });
      writeFileSync(at("app/elsewhere/config"), "");
      symlinkSync("elsewhere", at("app/.git"));
    },
    /ran/,
  ],
];

test("control: as planned, a sealed command runs", () => {
  assert.equal(
    run(() => {}, { sealed: true }),
    { out: "ran\n", code: 0 },
  );
});

for (const [what, where, swap, harm] of swaps) {
  test(`${what} keeps a sealed command from running, and does harm without a seal`, () => {
    assert.equal(run(swap, { sealed: true }), {
      out: `!${at(where)} was replaced or moved while the sandbox was made`,
      code: 126,
    });
  });
  test(`control: ${what} is followed by bwrap`, () => {
    assert.match(run(swap, { sealed: false }).out, harm);
  });
}

test("the mount nearest to the root covers what was mounted below it before", () => {
  const mountinfo = [
    "1 1 0:2 / / rw - rootfs rootfs rw",
    "20 1 8:1 / / rw - ext4 /dev/a rw",
    "21 20 8:2 /@srv /srv rw - btrfs /dev/b rw",
    "22 21 8:3 / /srv/app\\040one rw - ext4 /dev/c rw",
    "23 20 8:4 /below /deep/er rw - ext4 /dev/d rw",
    "24 20 8:5 / /deep rw - ext4 /dev/e rw",
  ].join("\n");
  const host = { ...systemHost, real: () => undefined };
  const texts = (path: string): string =>
    sealsOf([{ kind: "write", at: "/x", from: path }], mountinfo, host).flatMap((seal) => seal.texts)[0] ??
    "";
  assert.is(texts("/etc"), " 8:1 /etc /x ");
  assert.is(texts("/srv"), " 8:2 /@srv /x ");
  assert.is(texts("/srv/x"), " 8:2 /@srv/x /x ");
  assert.is(texts("/srv/app one"), " 8:3 / /x ");
  assert.is(texts("/srv/app one/a\\b"), " 8:3 /a\\134b /x ");
  assert.is(texts("/deep/er/x"), " 8:5 /er/x /x ");
});

test.run();
