import { test } from "uvu";
import * as assert from "uvu/assert";
import type { AttemptRecord, StepRecord } from "../../internal/clients/attempts.js";
import { diagnosisRows, quietMs } from "../../internal/clients/diagnosis.js";
import { type Clock, systemClock } from "../../internal/clock/clock.js";
import { createBrowser, signIn } from "../support/browser.js";
import { withDaemon } from "../support/daemon-in-process.js";
import { joinServer } from "../support/oauth-party.js";
import type { Place } from "../support/place.js";
import { withSignIn } from "../support/sign-in.js";
import { startClient2, startSdk1 } from "../support/sign-in-libraries.js";

/** What the journal says about the one client that came; its latest attempt. */
async function journalOf({
  admin,
}: Pick<Place, "admin">): Promise<AttemptRecord & { readonly code: string | undefined }> {
  const { clients } = await admin.attempts();
  assert.is(clients.length, 1, JSON.stringify(clients, null, 1));
  const attempt = clients[0]?.attempts[0];
  if (attempt === undefined) throw new Error("no attempt");
  return { ...attempt, code: attempt.diagnosis?.code };
}

/** The steps in the order in which they were last made. */
function inTime(steps: readonly StepRecord[]): string[] {
  return [...steps]
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
    .map(({ step, result, detail }) => [step, result, detail ?? ""].join(" ").trimEnd());
}

const libraries = [
  ["version 1 of the SDK", startSdk1],
  ["version 2 of the SDK", startClient2("auto")],
] as const;

for (const [name, start] of libraries) {
  test(`${name}: every step of its way in stands in the journal, in order`, () =>
    withSignIn({}, async (daemon) => {
      const client = await start(daemon, daemon.url);
      const { length } = await client.tools();
      const began = await journalOf(daemon);
      assert.is(began.reached, "list", JSON.stringify(began));
      await client.call("read_file", { path: "hello.txt" });
      await client.close();

      const attempt = await journalOf(daemon);
      assert.equal(inTime(attempt.steps), [
        "metadata ok",
        "register ok",
        "authorize ok allowed",
        "token ok",
        "initialize ok",
        `list ok ${length} tools`,
        "call ok",
      ]);
      const [grant] = (await daemon.admin.grants()).grants;
      assert.equal([attempt.client_id, attempt.user_agent], [grant?.client_id, "node"]);
      assert.equal([attempt.reached, attempt.failure, attempt.code], ["call", null, undefined]);
      const shown = await daemon.ctl("clients", "--attempts");
      assert.match(
        shown,
        /: metadata, register, authorize \(200 allowed\), token, initialize, list \(\d+ tools\), call$/m,
      );
    }));
}

test("one that is broken off shows how far it came, and each step that is still to come is missing", () =>
  withSignIn({}, async (daemon) => {
    const party = await joinServer(daemon.url);
    const journal = async (): Promise<string[]> => inTime((await journalOf(daemon)).steps);
    assert.equal(await journal(), ["metadata ok", "register ok"]);
    const asked = await party.begin();
    await daemon.browser.open(asked.page);
    assert.equal(await journal(), ["metadata ok", "register ok", "authorize ok"]);
    await signIn(daemon.browser, asked.page, { ...daemon.readOnly, decision: "deny" });
    assert.equal(await journal(), ["metadata ok", "register ok", "authorize ok denied"]);
    const target = await signIn(daemon.browser, asked.page, daemon.readOnly);
    assert.equal(await journal(), ["metadata ok", "register ok", "authorize ok allowed"]);
    await asked.redeem(target);
    assert.equal(await journal(), ["metadata ok", "register ok", "authorize ok allowed", "token ok"]);
    assert.is((await journalOf(daemon)).reached, "token");
  }));

test("a client that renews its access while it is idle is well; one that never used its token is not", async () => {
  let passed = 0;
  const clock: Clock = { ...systemClock, now: () => Date.now() + passed };
  const config = { auth: { mode: "oauth" } };
  await withDaemon({ clock, config }, async ({ daemon, admin }) => {
    const { host, port } = daemon.address();
    const { secrets } = await admin.rotateSecret({ kind: "password", revoke: false });
    const party = await joinServer(`http://${host}:${port}/mcp`);
    const { page, redeem } = await party.begin();
    const owner = { password: secrets.password ?? "", workspaces: ["app"], profile: "read-only" } as const;
    const { access_token, refresh_token = "" } = await redeem(await signIn(createBrowser(), page, owner));
    passed += quietMs;
    assert.is((await journalOf({ admin })).code, "TOKEN_THEN_NOTHING");
    await party.toolNames(access_token);
    assert.is((await journalOf({ admin })).code, undefined);

    passed += 11 * 60_000;
    await party.refresh(refresh_token);
    passed += quietMs;
    const { steps, code } = await journalOf({ admin });
    assert.equal([inTime(steps), code], [["token ok refreshed"], undefined]);
  });
});

test("the paths that a hint says to let through are those that clients are told to use", () =>
  withSignIn({}, async ({ url }) => {
    const { server } = await joinServer(url);
    const announced = Object.entries(server)
      .filter(([key]) => key.endsWith("_endpoint"))
      .map(([, value]) => `POST ${new URL(String(value)).pathname}`);
    const named = diagnosisRows.flatMap(({ hint }) => hint.match(/POST \S+/g) ?? []);
    assert.is(named.length, 2);
    for (const path of named) assert.ok(announced.includes(path), path);
  }));

test.run();
