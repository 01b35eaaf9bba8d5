import { test } from "uvu";
import * as assert from "uvu/assert";
import { type EndpointStage, exchangeForm, openEndpoints, secret } from "./endpoint.test.util.js";
import { client, outcomeOf } from "./grants.test.util.js";

let stage: EndpointStage;
let access = "";
let refresh = "";
test.before.each(async () => {
  stage = await openEndpoints();
  const { json } = await stage.token(exchangeForm(await stage.code()));
  [access, refresh] = [String(json.access_token), String(json.refresh_token)];
});
test.after.each(() => stage.close());

const alive = (): boolean => stage.grants.list().length > 0;
const own = { client_id: client.id };

test("giving up either token ends the grant with all its tokens", async () => {
  assert.equal((await stage.revoke({ ...own, token: access })).status, 200);
  assert.is(alive(), false);
  const { json } = await stage.token(exchangeForm(await stage.code()));
  assert.is(alive(), true);
  const token = String(json.refresh_token);
  // A hint that is wrong or unknown does not matter (RFC 7009 section 2.1).
  assert.is((await stage.revoke({ ...own, token, token_type_hint: "access_token" })).status, 200);
  assert.is(alive(), false);
  const refused = await stage.token({ ...own, grant_type: "refresh_token", refresh_token: token });
  assert.is(refused.json.error, "invalid_grant");
});

test("a replaced refresh token ends the grant too", async () => {
  await stage.token({ ...own, grant_type: "refresh_token", refresh_token: refresh });
  assert.is((await stage.revoke({ ...own, token: refresh })).status, 200);
  assert.is(alive(), false);
});

test("a token that is unknown or was revoked before is a success", async () => {
  for (const token of ["nonsense", `${refresh}x`, `${access}x`])
    assert.is((await stage.revoke({ ...own, token })).status, 200, token);
  assert.is(alive(), true);
  await stage.revoke({ ...own, token: access });
  for (const token of [access, refresh]) assert.is((await stage.revoke({ ...own, token })).status, 200);
});

test("a client gives up its own tokens only, and has to prove itself", async () => {
  const attempts: readonly (readonly [Record<string, string>, number, string])[] = [
    [{ client_id: "client-2", token: access }, 400, "invalid_grant"],
    [{ client_id: "client-2", token: refresh }, 400, "invalid_grant"],
    [{ client_id: "post", client_secret: secret, token: refresh }, 400, "invalid_grant"],
    [{ client_id: "nobody", token: refresh }, 401, "invalid_client"],
    [{ client_id: "post", token: refresh }, 401, "invalid_client"],
    [{ token: refresh }, 400, "invalid_request"],
    [own, 400, "invalid_request"],
  ];
  for (const [form, status, error] of attempts) {
    const answer = await stage.revoke(form);
    assert.equal([answer.status, answer.json.error], [status, error], JSON.stringify(form));
  }
  assert.is(alive(), true);
});

test("a failed write does not look like a success", async () => {
  stage.fault = "full";
  assert.is(await outcomeOf(stage.revoke({ ...own, token: access })), "FAILED");
  assert.is(alive(), true);
});

test("it takes POST only", async () => {
  const answer = await stage.revoke({ ...own, token: access }, { method: "GET" });
  assert.equal([answer.status, answer.headers.Allow], [405, "POST"]);
  assert.is(alive(), true);
});

test.run();
