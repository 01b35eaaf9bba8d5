import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../test/support/clock.js";
import { createPass } from "./pass.js";

const owner = { id: "pass", label: "ctmcpctl" };

test("a pass lets in up to a profile, for as long as it lasts", async () => {
  const clock = createTestClock();
  const { issue, auth, token: current } = createPass({ clock, ...owner, lastsMs: 60_000 });
  assert.equal(await auth.authenticate("Bearer anything"), { failure: "missing" });
  const { token, expiresAt } = issue("read-only");
  assert.is(current(), token);
  assert.is(expiresAt - clock.now(), 60_000);
  const principal = await auth.authenticate(`Bearer ${token}`);
  assert.is("profile" in principal && principal.profile, "read-only");
  assert.is(auth.current("pass"), principal);
  assert.equal(await auth.authenticate("Bearer anything"), { failure: "invalid" });
  await clock.advance(60_000);
  assert.equal(await auth.authenticate(`Bearer ${token}`), { failure: "missing" });
  assert.is(auth.current("pass"), undefined);
  assert.is(current(), undefined);
});

test("without a limit it lasts until it is ended", async () => {
  const clock = createTestClock();
  const { issue, end, auth } = createPass({ clock, ...owner });
  const { token } = issue("full");
  await clock.advance(1e12);
  const principal = await auth.authenticate(`Bearer ${token}`);
  assert.is("profile" in principal && principal.profile, "full");
  end();
  assert.ok("failure" in (await auth.authenticate(`Bearer ${token}`)));
});

test("there is one at a time, and it can be ended", async () => {
  const { issue, end, auth } = createPass({ clock: createTestClock(), ...owner });
  const first = issue("read-only");
  const second = issue("read-only");
  assert.is.not(first.token, second.token);
  assert.equal(await auth.authenticate(`Bearer ${first.token}`), { failure: "invalid" });
  assert.is.not("failure" in (await auth.authenticate(`Bearer ${second.token}`)), true);
  end();
  assert.equal(await auth.authenticate(`Bearer ${second.token}`), { failure: "missing" });
});

test.run();
