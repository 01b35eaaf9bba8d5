import { test } from "uvu";
import * as assert from "uvu/assert";
import { seatbelt } from "./darwin.js";
import type { SandboxPolicy } from "./types.js";

const policy = { root: "/src/a", network: "none" } as SandboxPolicy;

test("paths are parameters, never text of the profile; the more specific rule comes last", () => {
  const evil = '/src/a")(allow default)("';
  const { profile, parameters } = seatbelt(policy, [
    { kind: "write", at: evil, from: evil },
    { kind: "empty", at: "/work" },
  ]);
  assert.not.match(profile, "allow default");
  assert.ok(parameters.includes(`P1=${evil}`), parameters.join(" "));
  assert.ok(
    profile.indexOf('(deny file-read* file-write* (subpath (param "P0")))') < profile.indexOf('(param "P1")'),
  );
});

test("the network is closed unless the policy opens it", () => {
  assert.not.match(seatbelt(policy, []).profile, "allow network");
  assert.match(seatbelt({ ...policy, network: "host" }, []).profile, "allow network");
});

test.run();
