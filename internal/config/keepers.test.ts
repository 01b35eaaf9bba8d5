import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getuid } from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Fault } from "../errs/errs.js";
import { type LoadedConfig, loadConfig } from "./load.js";
import { problemsOf } from "./problem.js";

const home = mkdtempSync(join(tmpdir(), "keepers-"));
test.after(() => rmSync(home, { recursive: true }));
const credentials = join(home, "credentials");
const bin = join(home, "bin");
for (const name of [credentials, bin, join(home, "app")]) mkdirSync(name, { mode: 0o700 });
writeFileSync(join(credentials, "mcp.token"), "a-token-from-systemd\n", { mode: 0o400 });
const path = join(home, "config.yaml");

function load(
  token: string,
  more: { env?: NodeJS.ProcessEnv; isInspection?: boolean; security?: string } = {},
): LoadedConfig {
  writeFileSync(path, `version: 1\nworkspaces: [{ path: app }]\nauth: { token: "\${${token}}" }\n`, {
    mode: 0o600,
  });
  const env = { PATH: `${bin}:/usr/bin:/bin`, ...more.env };
  const { isInspection = false, security } = more;
  return loadConfig({ path, env, home, uid: getuid?.() ?? 0, isInspection, ...(security && { security }) });
}
function refused(...args: Parameters<typeof load>): Fault {
  try {
    load(...args);
  } catch (error) {
    return error as Fault;
  }
  throw new Error("it was accepted");
}

test("a credential of the service is read", () => {
  const { config } = load("credential:mcp.token", { env: { CREDENTIALS_DIRECTORY: credentials } });
  assert.is(config.auth.token, "a-token-from-systemd");
});

test("one that is root's is read, as systemd grants it to the user of a service", () => {
  // The bits of the group are those of the access control list.
  writeFileSync(join(credentials, "granted"), "a-token-from-systemd", { mode: 0o440 });
  const { config } = load("credential:granted", { env: { CREDENTIALS_DIRECTORY: credentials } });
  assert.is(config.auth.token, "a-token-from-systemd");
});

test("one that the service does not have, or others can read, is a problem; no text of it is told", () => {
  const env = { CREDENTIALS_DIRECTORY: credentials };
  assert.match(problemsOf(refused("credential:other", { env }))[0]?.hint ?? "", /LoadCredential=other/);
  const open = join(credentials, "open");
  writeFileSync(open, "a-token-from-systemd");
  chmodSync(open, 0o644);
  const { message, code } = refused("credential:open", { env });
  assert.is(code, "CONFIG_INVALID");
  assert.not.match(message, "a-token-from-systemd");
});

test("outside the service the daemon refuses to start, and who only looks is told", () => {
  assert.is(refused("credential:mcp.token").code, "CONFIG_INVALID");
  const { config, warnings } = load("credential:mcp.token", { isInspection: true });
  assert.is(config.auth.token, undefined);
  assert.is(warnings.length, 1);
});

test("the keychain is asked by a program, whose words become no command", () => {
  const security = join(bin, "security");
  writeFileSync(
    security,
    '#!/bin/sh\n[ "$*" = "find-generic-password -w -s ctmcp" ] && echo a-token-from-the-keychain\n',
    { mode: 0o700 },
  );
  assert.is(load("keychain:ctmcp", { security }).config.auth.token, "a-token-from-the-keychain");
  assert.match(problemsOf(refused("keychain:other", { security }))[0]?.hint ?? "", /add-generic-password/);
  assert.is(refused("keychain:a b; id", { security }).code, "CONFIG_INVALID");
  // The stand-in lies in PATH all the time.
  if (process.platform !== "darwin") assert.is(refused("keychain:ctmcp").code, "CONFIG_INVALID");
});

test.run();
