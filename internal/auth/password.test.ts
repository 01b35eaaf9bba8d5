import { scryptSync } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import { givenPassword, openPassword, type Password, type PasswordOptions } from "./password.js";
import type { PasswordState } from "./password-schema.js";

let stateDir = "";
let path = "";
let damaged: string[] = [];
test.before.each(() => {
  stateDir = mkdtempSync(join(tmpdir(), "ctmcp-password-"));
  path = join(stateDir, "owner-password.json");
  damaged = [];
});
test.after.each(() => rmSync(stateDir, { recursive: true }));

/** At a cost that lets a test verify often. */
const cheap = { cost: { N: 2 ** 14, r: 1, p: 1 } };

function open({ cost }: Pick<PasswordOptions, "cost"> = cheap): Promise<Password> {
  return openPassword({
    ...(cost && { cost }),
    stateDir,
    uid: process.getuid?.() ?? 0,
    clock: systemClock,
    onDamaged: (_kept, reason) => damaged.push(reason),
  });
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return "none";
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
}

function kept(): NonNullable<PasswordState["scrypt"]> {
  const { scrypt } = JSON.parse(readFileSync(path, "utf8")) as PasswordState;
  if (scrypt === null) throw new Error("no hash is kept");
  return scrypt;
}

test("a password that was set is the only right one, also after a restart", async () => {
  const first = await open();
  assert.not(first.isSet());
  await first.set("correct horse");
  for (const password of [first, await open()]) {
    assert.ok(password.isSet());
    assert.is(await password.verify("correct horse"), true);
    for (const wrong of ["Correct horse", "correct hors", "correct horse!", "", "correct\u0000horse"]) {
      assert.is(await password.verify(wrong), false, wrong);
    }
  }
  await first.set("battery staple");
  assert.equal([await first.verify("correct horse"), await first.verify("battery staple")], [false, true]);
});

test("what is kept is a salted scrypt hash of a high cost, in a private file", async () => {
  const password = await open({});
  await password.set("correct horse");
  const { N, r, p, salt, key } = kept();
  assert.equal([N, r, p, salt.length, key.length], [2 ** 15, 8, 3, 32, 64]);
  const expected = scryptSync("correct horse", Buffer.from(salt, "hex"), 32, { N, r, p, maxmem: 2 ** 26 });
  assert.is(key, expected.toString("hex"));
  assert.is(await password.verify("correct horse"), true);
  assert.is(statSync(path).mode & 0o777, 0o600);
  await password.set("correct horse");
  assert.is.not(kept().salt, salt);
});

test("a hash is verified at the cost it was made with", async () => {
  const salt = Buffer.alloc(16, 1);
  const cost = { N: 2 ** 16, r: 4, p: 1 };
  const key = scryptSync("correct horse", salt, 64, { ...cost, maxmem: 2 ** 26 });
  const scrypt = { ...cost, salt: salt.toString("hex"), key: key.toString("hex") };
  writeFileSync(path, JSON.stringify({ version: 1, scrypt }), { mode: 0o600 });
  const password = await open();
  assert.equal([await password.verify("correct horse"), await password.verify("wrong horse")], [true, false]);
});

test("white space around what is typed and the way accents are composed do not count", async () => {
  const password = await open();
  await password.set(" cafe\u0301 cre\u0300me\n");
  for (const typed of ["café crème", "café crème ", "\tcafe\u0301 crème\r\n"]) {
    assert.is(await password.verify(typed), true, JSON.stringify(typed));
  }
  for (const typed of ["cafe creme", "café  crème", "cafécrème"])
    assert.is(await password.verify(typed), false);
});

test("a generated password has four groups of five clear letters, is in force and never the same", async () => {
  const password = await open();
  const [first, second] = [await password.replace(), await password.replace()];
  for (const one of [first, second]) assert.match(one, /^[a-km-np-z]{5}(?:-[a-km-np-z]{5}){3}$/);
  assert.is.not(first, second);
  assert.equal([await password.verify(first), await password.verify(second)], [false, true]);
});

test("while none is set, every password costs the same work and is wrong", async () => {
  const password = await open();
  // Nine more than run and wait at once: were there no work, none of them would meet a full queue.
  const codes = await Promise.all(Array.from({ length: 11 }, () => codeOf(password.verify(""))));
  assert.is(codes.filter((code) => code === "SERVER_BUSY").length, 1);
  assert.is(await password.verify("00000000"), false);
  assert.not(existsSync(path));
});

test("two are verified at once, eight wait, more are refused, and the owner gets through", async () => {
  const password = await open();
  await password.set("correct horse");
  const guesses = Array.from({ length: 14 }, () => codeOf(password.verify("wrong horse")));
  const giveUp = new AbortController();
  const change = codeOf(password.set("battery staple"));
  giveUp.abort();
  assert.is(await codeOf(password.verify("wrong horse", giveUp.signal)), "CANCELLED");
  const codes = await Promise.all(guesses);
  assert.equal([codes.filter((code) => code === "none").length, codes.at(-1)], [10, "SERVER_BUSY"]);
  assert.is(await change, "none");
  assert.is(await password.verify("battery staple"), true);
});

test("texts beyond the limits: wrong when typed, refused when set", async () => {
  const password = await open();
  const long = "x".repeat(1024);
  await password.set(long);
  assert.is(await password.verify(long), true);
  assert.is(await password.verify(`${long} `), false);
  for (const text of [`${long}x`, "short", "        ", ""])
    assert.is(await codeOf(password.set(text)), "REFUSED");
  assert.is(await password.verify(long), true);
});

test("a given password alone counts and nothing is stored", async () => {
  await (await open()).set("correct horse");
  const before = readdirSync(stateDir);
  const password = givenPassword(" from the environment\n");
  assert.ok(password.isSet());
  assert.is(await password.verify("from the environment "), true);
  assert.is(await password.verify("correct horse"), false);
  assert.is(await password.verify("x".repeat(2000)), false);
  assert.is(await codeOf(password.set("battery staple")), "REFUSED");
  assert.is(await codeOf(password.replace()), "REFUSED");
  assert.equal(readdirSync(stateDir), before);
  assert.is(await codeOf((async () => givenPassword(" "))()), "CONFIG_INVALID");
});

test("a damaged file is set aside, and one that asks for too much work counts as damaged", async () => {
  await (await open()).set("correct horse");
  const whole = readFileSync(path, "utf8");
  for (const [from, to] of [
    ['"N":16384', '"N":33554432'],
    ['"p":1', '"p":1000'],
    ['"key":"', '"key":"zz'],
  ] as const) {
    const changed = whole.replace(from, to);
    assert.is.not(changed, whole);
    writeFileSync(path, changed, { mode: 0o600 });
    const password = await open();
    assert.not(password.isSet(), to);
    assert.is(await password.verify("correct horse"), false);
  }
  assert.is(damaged.length, 3);
  writeFileSync(path, whole, { mode: 0o600 });
  assert.ok((await open()).isSet(), "control");
});

test("a password that could not be written is not in force", async () => {
  const password = await open();
  await password.set("correct horse");
  rmSync(stateDir, { recursive: true });
  assert.is(await codeOf(password.set("battery staple")), "FAILED");
  assert.is(await password.verify("correct horse"), true);
  assert.is(await password.verify("battery staple"), false);
  await (await open()).set("correct horse");
});

test.run();
