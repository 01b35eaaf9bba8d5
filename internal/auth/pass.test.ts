import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../test/support/clock.js";
import { createPass } from "./pass.js";

test("a pass lets in to read, for a minute", async () => {
  const clock = createTestClock();
  const { issue, auth } = createPass({ clock });
  assert.equal(await auth.authenticate("Bearer anything"), { failure: "missing" });
  const { token, expiresAt } = issue();
  assert.is(expiresAt - clock.now(), 60_000);
  const principal = await auth.authenticate(`Bearer ${token}`);
  assert.is("profile" in principal && principal.profile, "read-only");
  assert.is(auth.current("pass"), principal);
  assert.equal(await auth.authenticate("Bearer anything"), { failure: "invalid" });
  await clock.advance(60_000);
  assert.equal(await auth.authenticate(`Bearer ${token}`), { failure: "missing" });
  assert.is(auth.current("pass"), undefined);
});

test("there is one at a time, and it can be ended", async () => {
  const { issue, end, auth } = createPass({ clock: createTestClock() });
  const first = issue();
  const second = issue();
  assert.is.not(first.token, second.token);
  assert.equal(await auth.authenticate(`Bearer ${first.token}`), { failure: "invalid" });
  assert.is.not("failure" in (await auth.authenticate(`Bearer ${second.token}`)), true);
  end();
  assert.equal(await auth.authenticate(`Bearer ${second.token}`), { failure: "missing" });
});

test.run();
