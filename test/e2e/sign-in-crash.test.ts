import { spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { signIn, targetOf } from "../support/browser.js";
import { joinServer, refusal } from "../support/oauth-party.js";
import { withSignIn } from "../support/sign-in.js";

test("killed between any two steps of a sign-in, the daemon takes the next one", async () => {
  await withSignIn({}, async ({ url, browser, readOnly, restart }) => {
    const party = await joinServer(url);
    await restart("SIGKILL");
    const { page, redeem } = await party.begin();
    const shown = await browser.open(page);
    await restart("SIGKILL");
    const target = targetOf(await browser.answer(shown, readOnly));
    await restart("SIGKILL");
    const { access_token, refresh_token = "" } = await redeem(target);
    await restart("SIGKILL");
    assert.is((await party.list(access_token)).status, 200);
    // What was used up stays so.
    assert.is(await refusal(redeem(target)), "400 invalid_grant");
    assert.is(await refusal(party.refresh(refresh_token)), "400 invalid_grant");
  });
});

test("killed in the middle of a refresh, it never logs the client out", async () => {
  await withSignIn({}, async ({ url, browser, readOnly, program, restart }) => {
    const party = await joinServer(url);
    const { page, redeem } = await party.begin();
    let { refresh_token: token = "" } = await redeem(await signIn(browser, page, readOnly));
    const cut = new Set<boolean>();
    for (let round = 0; round < 8; round += 1) {
      const answer = party.refresh(token).then(
        ({ refresh_token }) => refresh_token,
        () => undefined,
      );
      await delay(round);
      program().child.kill("SIGKILL");
      const next = await answer;
      cut.add(next === undefined);
      token = next ?? token;
      await restart("SIGKILL");
    }
    assert.ok(cut.has(true), "no refresh was cut");
    const { access_token } = await party.refresh(token);
    assert.is((await party.list(access_token)).status, 200);
  });
});

test("with a full disk nothing is used up: the client asks again later, and so does the owner", async () => {
  await withSignIn({}, async ({ url, browser, readOnly, program }) => {
    /** Node ignores SIGXFSZ, so every write to a file fails, as on a full disk. Linux only. */
    const limitFiles = (size: string): void => {
      const args = ["--pid", String(program().pid), `--fsize=${size}:unlimited`];
      assert.is(spawnSync("prlimit", args).status, 0);
    };
    const party = await joinServer(url);
    const first = await party.begin();
    const { access_token, refresh_token = "" } = await first.redeem(
      await signIn(browser, first.page, readOnly),
    );
    const second = await party.begin();
    const target = await signIn(browser, second.page, readOnly);
    const third = await browser.open((await party.begin()).page);

    limitFiles("0");
    assert.is(await refusal(party.refresh(refresh_token)), "503 temporarily_unavailable");
    assert.is(await refusal(second.redeem(target)), "503 temporarily_unavailable");
    assert.is(await refusal(joinServer(url).then(() => {})), "503 temporarily_unavailable");
    assert.is((await browser.answer(third, readOnly)).status, 503);
    assert.is((await party.list(access_token)).status, 200);

    limitFiles("unlimited");
    const { access_token: renewed } = await party.refresh(refresh_token);
    const { access_token: other } = await second.redeem(target);
    assert.is((await browser.answer(third, readOnly)).status, 200);
    for (const token of [access_token, renewed, other]) assert.is((await party.list(token)).status, 200);
  });
});

test.run();
