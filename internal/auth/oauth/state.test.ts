import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../../clock/clock.js";
import type { StateFile } from "../../state/state-file.js";
import { openOAuthState } from "./state.js";
import type { Grant, OAuthState, PendingCode, RegisteredClient } from "./types.js";

const stateDir = mkdtempSync(join(tmpdir(), "ctmcp-oauth-state-"));
const path = join(stateDir, "oauth.json");
let damaged: string[] = [];
test.before.each(() => {
  damaged = [];
  rmSync(path, { force: true });
});
test.after(() => rmSync(stateDir, { recursive: true }));

function open(): Promise<StateFile<OAuthState>> {
  return openOAuthState({
    stateDir,
    uid: process.getuid?.() ?? 0,
    clock: systemClock,
    onDamaged: (_kept, reason) => damaged.push(reason),
  });
}

const client: RegisteredClient = {
  name: null,
  redirectUris: ["https://client.example/callback"],
  authMethod: "none",
  secretHash: null,
  createdAt: 1,
  usedAt: 2.5,
};
const grant: Grant = {
  id: "g",
  clientId: "https://client.example/metadata",
  clientName: "A client",
  redirectHost: "client.example",
  workspaces: null,
  profile: "read-only",
  createdAt: 1,
  usedAt: 1,
  expiresAt: 9,
  generation: 1,
  replaced: [{ generation: 1, at: 5 }],
};
const code: PendingCode = {
  clientId: "c",
  clientName: null,
  redirectUri: "https://client.example/callback",
  codeChallenge: "x",
  workspaces: ["app"],
  profile: "full",
  expiresAt: 9,
  grantId: null,
};

function fill(draft: OAuthState): void {
  draft.clients.c = structuredClone(client);
  draft.grants.g = structuredClone(grant);
  draft.codes.h = structuredClone(code);
}

test("clients, grants and codes survive a restart as they are", async () => {
  await (await open()).update(fill);
  const { clients, grants, codes } = (await open()).current();
  assert.equal(clients.c, client);
  assert.equal(grants.g, grant);
  assert.equal(codes.h, code);
  assert.equal(damaged, []);
});

test("a property that is missing or of another type is damage, in every kind of entry", async () => {
  await (await open()).update(fill);
  const whole = readFileSync(path, "utf8");
  let checked = 0;
  for (const [kind, id, entry] of [
    ["clients", "c", client],
    ["grants", "g", grant],
    ["codes", "h", code],
  ] as const) {
    for (const key of Object.keys(entry)) {
      for (const wrong of [undefined, { not: "this" }]) {
        const document = JSON.parse(whole);
        document[kind][id][key] = wrong;
        writeFileSync(path, JSON.stringify(document), { mode: 0o600 });
        const file = await open();
        assert.equal(Object.keys(file.current()[kind]), [], `${kind}.${key}`);
        assert.is(damaged.length, ++checked, `${kind}.${key}`);
        assert.match(damaged.at(-1) ?? "", key);
      }
    }
  }
  writeFileSync(path, whole, { mode: 0o600 });
  assert.equal((await open()).current().grants.g, grant);
});

test("an id from outside that names a property of every object finds nothing", async () => {
  const file = await open();
  await file.update(fill);
  const { clients, grants, codes } = file.current();
  for (const id of ["__proto__", "constructor", "toString", "valueOf"]) {
    assert.is(clients[id], undefined);
    assert.is(grants[id], undefined);
    assert.is(codes[id], undefined);
    assert.is.not({ ...clients }[id], undefined, "control: a copy with a prototype has it");
  }
});

test.run();
