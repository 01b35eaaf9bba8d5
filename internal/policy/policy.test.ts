import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { makePolicyPlace } from "./policy.test.util.js";

const { policy, context, answer, close } = makePolicyPlace();
test.after(close);

test("the network of the configuration lifts that refusal and no other", async () => {
  assert.is(await answer("curl https://example.com", { allowNetwork: true }), "runs");
  assert.is(await answer("curl $(id)", { allowNetwork: true }), "shell_expansion");
});

test("variables of the call: secrets and loader settings are refused by name or value", async () => {
  const refused: Record<string, string>[] = [
    { GITHUB_TOKEN: "x" },
    { my_Secret: "x" },
    { DB_PASSWORD: "x" },
    { OPENAI_API_KEY: "x" },
    { LD_PRELOAD: "./x.so" },
    { LD_AUDIT: "./x.so" },
    { DYLD_LIBRARY_PATH: "." },
    { NODE_OPTIONS: "--require ./x.js" },
    { BASH_ENV: "x" },
    { PLAIN: "ghp_0123456789abcdefghij" },
    { PLAIN: "-----BEGIN RSA PRIVATE KEY-----" },
  ];
  for (const env of refused) {
    for (const mode of ["safe", "trusted"] as const) {
      assert.is(await answer("true", { env, mode }), "sensitive_env", JSON.stringify(env));
    }
    assert.is(await answer("true", { env, mode: "dangerous" }), "runs");
  }
  assert.is(await answer("true", { env: { NODE_ENV: "test", CI: "1", KEYBOARD: "de" } }), "runs");
  const [finding] = await policy.refusals("true", context({ env: { A: "1", LD_PRELOAD: "x", TOKEN: "y" } }));
  assert.equal(finding?.details.env_keys, ["LD_PRELOAD", "TOKEN"]);
});

test("text that the call feeds to an interpreter is an inline script", async () => {
  assert.is(await answer("bash", { stdin: true }), "inline_script");
  assert.is(await answer("python3 -", { stdin: true }), "inline_script");
  assert.is(await answer("bash", { stdin: false }), "runs");
  assert.is(await answer("node filter.js", { stdin: true }), "runs");
});

test("paths start where the command starts", async () => {
  assert.is(await answer("cat ../README.md", { cwd: "pkg" }), "runs");
  assert.is(await answer("cat ../../x", { cwd: "pkg" }), "filesystem_escape");
});

test("a path outside is named, and home counts only when the sandbox has one", async () => {
  const [finding] = await policy.refusals("cat README.md /etc/passwd", context());
  assert.is(finding?.details.path, "/etc/passwd");
  assert.match(finding?.message ?? "", "outside");
  assert.is(await answer("ls ~", { home: undefined }), "filesystem_escape");
});

test("everything refused is told at once, in the order in which it is named", async () => {
  const findings = await policy.refusals(
    "sudo sh -c 'curl https://example.com' $(id) /etc/passwd",
    context({ env: { TOKEN: "x" } }),
  );
  const order = [...new Set(findings.map(({ permission }) => permission))];
  assert.equal(order, ["filesystem_escape", "sensitive_env", "shell_expansion", "destructive_command"]);
  const nested = await policy.refusals("env sh -c 'curl https://example.com; rm -rf x'", context());
  assert.equal(
    nested.map(({ permission }) => permission),
    ["inline_script", "destructive_command", "network"],
  );
});

test("a command line longer than a shell takes is no question of permission", async () => {
  const long = `echo ${"x".repeat(131_072)}`;
  const fault = await policy.refusals(long, context()).catch((error: unknown) => error);
  assert.instance(fault, Fault);
  assert.is((fault as Fault).code, "INVALID_ARGUMENT");
});

test.run();
