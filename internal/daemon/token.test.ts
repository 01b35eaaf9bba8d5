import { test } from "uvu";
import * as assert from "uvu/assert";
import type { AuthConfig, Config } from "../config/config.js";
import { Fault } from "../errs/errs.js";
import { rotateToken } from "./token.js";

async function refusal(auth: Partial<AuthConfig>): Promise<Fault> {
  const config = { auth: { mode: "bearer", token: undefined, tokenFile: undefined, ...auth } } as Config;
  const error = await rotateToken(config, 0).catch((error: unknown) => error);
  assert.instance(error, Fault);
  return error as Fault;
}

test("a token that is kept elsewhere is not rotated here, and the hint is how it can be", async () => {
  const file = await refusal({ tokenFile: "/t" });
  assert.is(file.code, "REFUSED");
  assert.match(file.hint ?? "", /reload/);
  const environment = await refusal({ token: "a-token" });
  assert.is(environment.code, "REFUSED");
  // No reload changes the environment of a running process.
  assert.match(environment.hint ?? "", /restart/);
  assert.not.match(environment.hint ?? "", /reload/);
});

test.run();
