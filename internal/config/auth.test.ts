import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../errs/errs.js";
import { type LoadedConfig, loadConfig } from "./load.js";
import { problemsOf } from "./problem.js";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "ctmcp-auth-")));
const path = join(folder, "c.yaml");
const canary = "canary-0123456789-canary";
mkdirSync(join(folder, "app"));
writeFileSync(join(folder, "password"), `${canary}\n`, { mode: 0o600 });
writeFileSync(join(folder, "open-password"), `${canary}\n`, { mode: 0o644 });
test.after(() => rmSync(folder, { recursive: true }));

function reference(name: string): string {
  return `\${env:${name}}`;
}

function load(auth: Readonly<Record<string, unknown>>): LoadedConfig {
  writeFileSync(path, `version: 1\nworkspaces: [{path: app}]\nauth: ${JSON.stringify(auth)}\n`);
  const uid = statSync(folder).uid;
  return loadConfig({ path, env: { PASSWORD: canary, SHORT: "canary" }, home: join(folder, "home"), uid });
}

/** What is wrong with an `auth` section, in one text. */
function complaint(auth: Readonly<Record<string, unknown>>): string {
  try {
    load(auth);
    return "";
  } catch (error) {
    return problemsOf(error)
      .map(({ message, hint }) => `${message}: ${hint}`)
      .join("\n")
      .concat(messageOf(error));
  }
}

for (const mode of ["oauth", "bearer", "oauth+bearer", "none"]) {
  test(`mode ${mode} is read`, () => assert.is(load({ mode }).config.auth.mode, mode));
}

test("times are read in every unit, and have defaults", () => {
  const { oauth } = load({ access_token_ttl: "90s", refresh_token_ttl: "10d", refresh_grace: "0s" }).config
    .auth;
  assert.equal([oauth.accessTokenTtl, oauth.refreshTokenTtl, oauth.refreshGrace], [90, 864_000, 0]);
  const defaults = load({ access_token_ttl: "2h" }).config.auth.oauth;
  assert.equal(
    [defaults.accessTokenTtl, defaults.refreshTokenTtl, defaults.refreshGrace],
    [7_200, 7_776_000, 120],
  );
});

test("the password comes from a file or the environment", () => {
  assert.is(load({ password_file: "password" }).config.auth.oauth.password, canary);
  assert.is(load({ password_file: "password" }).config.auth.oauth.passwordFile, join(folder, "password"));
  assert.is(load({ password: reference("PASSWORD") }).config.auth.oauth.password, canary);
  assert.is(load({}).config.auth.oauth.password, undefined);
});

test("a short password is allowed and remarked on", () => {
  const { warnings } = load({ password: reference("SHORT") });
  assert.match(warnings.map(({ message }) => message).join(), "shorter than 12");
});

const refused: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
  [{ mode: "oath" }, /did you mean 'oauth'/],
  [{ access_token_ttl: "24" }, /as in 24h/],
  [{ access_token_ttl: 24 }, /text/],
  [{ access_token_ttl: "59s" }, /from 1m to 7d/],
  [{ access_token_ttl: "8d" }, /from 1m to 7d/],
  [{ refresh_token_ttl: "59m" }, /from 1h to 1000d/],
  [{ refresh_grace: "2d" }, /from 0s to 1d/],
  [{ password: canary }, /auth\.password_file/],
  [{ password: reference("NOT_SET") }, /NOT_SET/],
  [{ password: reference("PASSWORD"), password_file: "password" }, /keep one/],
  [{ password_file: "missing" }, /does not exist.*have a password made/],
  [{ password_file: "open-password" }, /chmod 600/],
  [{ redirect_uris: ["com.example.app"] }, /with its scheme/],
];

for (const [auth, words] of refused) {
  test(`refused: ${JSON.stringify(auth).replace(canary, "SECRET")}`, () => {
    const text = complaint(auth);
    assert.match(text, words);
    assert.not.match(text, canary);
  });
}

test.run();
