import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../../internal/clock/clock.js";
import { type Answer, createBrowser, signIn } from "../support/browser.js";
import { withDaemon } from "../support/daemon-in-process.js";
import { joinServer, refusal } from "../support/oauth-party.js";
import { startClient2, startSdk1 } from "../support/sign-in-libraries.js";

interface Stage {
  readonly url: string;
  readonly readOnly: Answer;
  /** Time passes in no other way, for all but the daemon's timers. */
  pass(seconds: number): void;
}

async function withPassingTime(test: (stage: Stage) => Promise<void>): Promise<void> {
  let now = systemClock.now();
  const clock = { ...systemClock, now: () => now };
  const auth = { mode: "oauth", access_token_ttl: "1m", refresh_token_ttl: "1h", refresh_grace: "2m" };
  await withDaemon({ clock, config: { auth } }, async ({ daemon, admin }) => {
    const { secrets } = await admin.rotateSecret({ kind: "password", revoke: false });
    const { host, port } = daemon.address();
    await test({
      url: `http://${host}:${port}/mcp`,
      readOnly: { password: secrets.password ?? "", workspaces: ["app"], profile: "read-only" },
      pass(seconds) {
        now += seconds * 1_000;
      },
    });
  });
}

for (const [name, start] of [
  ["SDK 1.x", startSdk1],
  ["client 2.x, auto", startClient2("auto")],
] as const) {
  test(`${name} refreshes an access token that has expired, and asks again when that has too`, async () => {
    await withPassingTime(async ({ url, readOnly, pass }) => {
      const client = await start({ browser: createBrowser(), readOnly }, url);
      const tools = await client.tools();
      const { access_token: first } = client.tokens();
      pass(59);
      assert.equal(await client.tools(), tools);
      assert.is(client.tokens().access_token, first);
      pass(2);
      assert.equal(await client.tools(), tools);
      assert.is.not(client.tokens().access_token, first);
      assert.is(client.signIns(), 1);
      pass(3_601);
      assert.equal(await client.tools(), tools);
      assert.is(client.signIns(), 2);
      await client.close();
    });
  });
}

test("a refresh token comes twice within the grace window unpunished, and after it ends everything", async () => {
  await withPassingTime(async ({ url, readOnly, pass }) => {
    const party = await joinServer(url);
    const { page, redeem } = await party.begin();
    const { refresh_token: first = "" } = await redeem(await signIn(createBrowser(), page, readOnly));
    // As from two machines of one vendor, which do not know of each other.
    const both = await Promise.all([party.refresh(first), party.refresh(first)]);
    assert.is(both[0]?.refresh_token, both[1]?.refresh_token);
    pass(119);
    const late = await party.refresh(first);
    assert.is(late.refresh_token, both[0]?.refresh_token);
    pass(2);
    assert.is(await refusal(party.refresh(first)), "400 invalid_grant");
    assert.is(await refusal(party.refresh(late.refresh_token ?? "")), "400 invalid_grant");
    assert.is((await party.list(late.access_token)).status, 401);
  });
});

test.run();
