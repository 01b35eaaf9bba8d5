import { test } from "uvu";
import * as assert from "uvu/assert";
import { signIn, targetOf } from "../support/browser.js";
import { joinServer, refusal } from "../support/oauth-party.js";
import { withSignIn } from "../support/sign-in.js";

test("every step is as the RFCs have it", async () => {
  await withSignIn({}, async ({ url, origin, browser, readOnly, restart }) => {
    const party = await joinServer(url);
    assert.is(party.server.issuer, origin);
    assert.is(party.server.authorization_response_iss_parameter_supported, true);
    // Nothing is announced that is not there.
    for (const absent of [
      "pushed_authorization_request_endpoint",
      "dpop_signing_alg_values_supported",
      "device_authorization_endpoint",
      "introspection_endpoint",
      "jwks_uri",
    ]) {
      assert.is(party.server[absent], undefined, absent);
    }
    const { page, redeem } = await party.begin({ scope: "openid profile offline_access" });
    const first = await redeem(await signIn(browser, page, readOnly));
    assert.equal([first.token_type, first.expires_in, first.scope], ["bearer", 86_400, "mcp"]);
    assert.ok((await party.toolNames(first.access_token)).includes("read_file"));

    await restart("SIGKILL");
    const second = await party.refresh(first.refresh_token ?? "");
    for (const { access_token } of [first, second])
      assert.ok((await party.toolNames(access_token)).includes("read_file"));

    await party.revoke(second.refresh_token ?? "");
    for (const { access_token } of [first, second]) assert.is((await party.list(access_token)).status, 401);
    assert.is(await refusal(party.refresh(second.refresh_token ?? "")), "400 invalid_grant");
    // RFC 7009 section 2.2: an unknown token is none of the client's worries.
    await party.revoke("unknown");
  });
});

test("the owner's no, and what the client did wrong, reach the client with the issuer", async () => {
  await withSignIn({}, async ({ url, browser, readOnly }) => {
    const party = await joinServer(url);
    const asked = await party.begin();
    const denied = targetOf(
      await browser.answer(await browser.open(asked.page), { ...readOnly, decision: "deny" }),
    );
    assert.is(await refusal(asked.redeem(denied)), "access_denied");

    const wrong = await party.begin({ response_type: "token" });
    const { headers, status } = await fetch(wrong.page, { redirect: "manual" });
    assert.is(status, 302);
    const target = new URL(headers.get("location") ?? "");
    assert.is(await refusal(wrong.redeem(target)), "unsupported_response_type");
  });
});

test("a code works once; a second use ends what came of the first", async () => {
  await withSignIn({}, async ({ url, browser, readOnly }) => {
    const party = await joinServer(url);
    const { page, redeem } = await party.begin();
    const target = await signIn(browser, page, readOnly);
    const { access_token } = await redeem(target);
    assert.is((await party.list(access_token)).status, 200);
    assert.is(await refusal(redeem(target)), "400 invalid_grant");
    assert.is((await party.list(access_token)).status, 401);
  });
});

test("a client that nobody knows is told so in the way that makes it register again", async () => {
  await withSignIn({}, async ({ url, origin, browser }) => {
    const stranger = await joinServer(url, { client: { client_id: "stranger" } });
    assert.is(await refusal(stranger.refresh("ctr.a.1.b")), "401 invalid_client");
    const { page } = await stranger.begin();
    const shown = await browser.open(page);
    assert.is(shown.status, 400);
    assert.match(shown.markup, "Claude");
    assert.not.match(shown.markup, 'http-equiv="refresh"');
    // A redirect URI that was not registered is not followed either.
    const party = await joinServer(url);
    const elsewhere = await party.begin({ redirect_uri: "https://attacker.example/callback" });
    const refused = await fetch(elsewhere.page, { redirect: "manual" });
    assert.equal([refused.status, refused.headers.get("location")], [400, null]);
    assert.ok(elsewhere.page.href.startsWith(`${origin}/oauth/authorize?`));
  });
});

test("new secrets leave clients signed in, unless the owner signs them out", async () => {
  await withSignIn({}, async ({ url, browser, readOnly, ctl }) => {
    const party = await joinServer(url);
    const first = await party.begin();
    const { access_token, refresh_token = "" } = await first.redeem(
      await signIn(browser, first.page, readOnly),
    );
    const password = (await ctl("rotate-secret", "password")).trim();
    const second = await party.begin();
    assert.is((await browser.answer(await browser.open(second.page), readOnly)).status, 403);
    const changed = await second.redeem(await signIn(browser, second.page, { ...readOnly, password }));

    await ctl("rotate-secret", "signing-key");
    const renewed = await party.refresh(refresh_token);
    const all = [access_token, changed.access_token, renewed.access_token];
    for (const token of all) assert.is((await party.list(token)).status, 200);

    await ctl("rotate-secret", "signing-key", "--revoke");
    for (const token of all) assert.is((await party.list(token)).status, 401);
    for (const { refresh_token: token = "" } of [changed, renewed])
      assert.is(await refusal(party.refresh(token)), "400 invalid_grant");
  });
});

test.run();
