import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../../errs/errs.js";
import { sha256Hex } from "./digest.js";
import { site } from "./grants.test.util.js";
import { OAuthRefusal } from "./refusal.js";
import { openRegistryStage, type RegistryStage } from "./registry.test.util.js";
import type { Grant, OAuthClient, PendingCode } from "./types.js";

const metadata = { name: "An app", redirectUris: ["https://app.example/cb"], authMethod: "none" } as const;
const minute = 60_000;

async function staged(use: (stage: RegistryStage) => Promise<void>): Promise<void> {
  const stage = await openRegistryStage();
  try {
    await use(stage);
  } finally {
    stage.close();
  }
}

async function register({ registry }: RegistryStage, count = 1): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push((await registry.register(metadata)).client.id);
  return ids;
}

/** As if so many had registered just now, in one write. */
function fill({ state, clock }: RegistryStage, count: number): Promise<string[]> {
  const at = clock.now();
  const kept = { name: null, authMethod: "none", secretHash: null, createdAt: at, usedAt: at } as const;
  return state.update((draft) => {
    const ids = Array.from({ length: count }, (_, n) => `client-${n}`);
    for (const id of ids) draft.clients[id] = { ...kept, redirectUris: [] };
    return ids;
  });
}

const grantOf = (clientId: string, expiresAt: number): Grant => ({
  id: `grant-of-${clientId}`,
  clientId,
  clientName: null,
  redirectHost: "app.example",
  workspaces: null,
  profile: "read-only",
  createdAt: 0,
  usedAt: 0,
  expiresAt,
  generation: 1,
  replaced: [],
});

const codeOf = (clientId: string, expiresAt: number): PendingCode => ({
  clientId,
  clientName: null,
  redirectUri: "https://app.example/cb",
  codeChallenge: "x".repeat(43),
  workspaces: null,
  profile: "read-only",
  expiresAt,
  grantId: null,
});

/** Gives clients a grant that lives until `expiresAt`. */
function grant(
  { state }: RegistryStage,
  ids: readonly string[],
  expiresAt = Number.MAX_SAFE_INTEGER,
): Promise<void> {
  return state.update((draft) => {
    for (const id of ids) draft.grants[`grant-of-${id}`] = grantOf(id, expiresAt);
  });
}

const known = ({ state }: RegistryStage, ids: readonly string[]): string[] =>
  ids.filter((id) => Object.hasOwn(state.current().clients, id));

async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    if (error instanceof OAuthRefusal) return error.error;
    return error instanceof Fault ? "fault" : String(error);
  }
}

test("a registered client is found again, its secret only as a hash", () =>
  staged(async (stage) => {
    const given = await stage.registry.register({ ...metadata, authMethod: "client_secret_post" });
    assert.type(given.secret, "string");
    assert.equal(await stage.registry.find(given.client.id, site), {
      id: given.client.id,
      kind: "registered",
      name: "An app",
      redirectUris: ["https://app.example/cb"],
      authMethod: "client_secret_post",
      secretHash: sha256Hex(given.secret ?? ""),
    });
    assert.not.match(JSON.stringify([stage.state.current(), stage.events]), given.secret ?? "");
    const open = await stage.registry.register({ ...metadata, name: undefined });
    assert.is(open.secret, undefined);
    assert.is((await stage.registry.find(open.client.id, site))?.name, undefined);
  }));

test("configured clients come first, documents by their url, and nothing else is known", () =>
  staged(async ({ registry }) => {
    const own: OAuthClient = {
      ...(await registry.register(metadata)).client,
      kind: "configured",
      name: "Owner's",
    };
    assert.is((await registry.find(own.id, { ...site, clients: [own] }))?.name, "Owner's");
    const document = await registry.find("https://claude.ai/oauth/claude-code-client-metadata", site);
    assert.is(document?.kind, "document");
    const strangers = [
      "",
      "nobody",
      "__proto__",
      "constructor",
      "toString",
      "https://",
      "https://nobody.example/client",
    ];
    for (const id of strangers) assert.is(await registry.find(id, site), undefined, id);
  }));

test("the 201st client takes the place of the one unused for longest", () =>
  staged(async (stage) => {
    const ids = await fill(stage, 200);
    stage.clock.advance(11 * minute);
    await stage.registry.noteUse(ids[0] ?? "");
    stage.clock.advance(11 * minute);
    await register(stage, 2);
    assert.equal(known(stage, ids), [ids[0], ...ids.slice(3)]);
    assert.is(Object.keys(stage.state.current().clients).length, 200);
    assert.equal(
      stage.events.filter(({ event }) => event === "client_evicted").map(({ clientId }) => clientId),
      ids.slice(1, 3),
    );
  }));

test("a client with a live grant or code stays however long it is unused", () =>
  staged(async (stage) => {
    const ids = await fill(stage, 200);
    const [granted = "", pending = "", expired = "", stale = ""] = ids;
    stage.clock.advance(60 * minute);
    const now = stage.clock.now();
    await stage.state.update((draft) => {
      draft.grants.a = grantOf(granted, now + 1);
      draft.grants.b = grantOf(expired, now);
      draft.codes.c = codeOf(pending, now + 1);
      draft.codes.d = codeOf(stale, now);
    });
    await register(stage, 2);
    assert.equal(known(stage, [granted, pending, expired, stale]), [granted, pending]);
  }));

test("when all 200 hold a grant, the next is told to come back", () =>
  staged(async (stage) => {
    const ids = await fill(stage, 200);
    await grant(stage, ids);
    assert.is(await failureOf(register(stage)), "temporarily_unavailable");
    assert.is(known(stage, ids).length, 200);
    await stage.state.update((draft) => {
      delete draft.grants[`grant-of-${ids[7]}`];
    });
    await register(stage);
    assert.equal(
      ids.filter((id) => !known(stage, ids).includes(id)),
      [ids[7]],
    );
  }));

test("a client that registers 1,000 times ends nobody's sign-in", () =>
  staged(async (stage) => {
    const [signingIn = "", idle = ""] = await register(stage, 2);
    await stage.registry.noteUse(signingIn);
    for (let n = 0; n < 1_000; n++) {
      stage.clock.advance(100);
      await register(stage);
    }
    assert.equal(known(stage, [signingIn, idle]), [signingIn]);
    assert.is(Object.keys(stage.state.current().clients).length, 200);

    // Control: once its sign-in is long over it is one of the many.
    stage.clock.advance(11 * minute);
    await register(stage, 200);
    assert.equal(known(stage, [signingIn]), []);
  }));

test("a new client is not the first to go when older ones have been idle", () =>
  staged(async (stage) => {
    const old = await fill(stage, 199);
    for (const id of old) await stage.registry.noteUse(id);
    stage.clock.advance(11 * minute);
    const fresh = await register(stage, 5);
    assert.is(known(stage, fresh).length, 5);
  }));

test("use is written once a minute, and only for a client that registered", () =>
  staged(async (stage) => {
    const [id = ""] = await register(stage);
    const usedAt = (): number | undefined => stage.state.current().clients[id]?.usedAt;
    await stage.registry.noteUse(id);
    const first = usedAt() ?? 0;
    assert.ok(first > 0, "also in the millisecond of its registration");
    stage.clock.advance(30_000);
    await stage.registry.noteUse(id);
    assert.is(usedAt(), first);
    stage.clock.advance(40_000);
    await stage.registry.noteUse(id);
    assert.is(usedAt(), 70_000);
    const before = stage.state.current();
    for (const other of ["nobody", "__proto__", "https://client.example/a"])
      await stage.registry.noteUse(other);
    assert.is(stage.state.current(), before);
  }));

test("a full disk: no registration, nothing evicted or told, and sign-in goes on", () =>
  staged(async (stage) => {
    const ids = await fill(stage, 200);
    const told = stage.events.length;
    stage.fillDisk(true);
    assert.is(await failureOf(register(stage)), "fault");
    await stage.registry.noteUse(ids[0] ?? "");
    assert.is(known(stage, ids).length, 200);
    assert.is(stage.events.length, told);
    stage.fillDisk(false);
    assert.is((await register(stage)).length, 1);
  }));

test.run();
