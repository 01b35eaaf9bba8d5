import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../test/support/clock.js";
import { Fault } from "../errs/errs.js";
import { type Approvals, createApprovals } from "../policy/approvals.js";
import { createPolicy } from "../policy/policy.js";
import type { SandboxPolicy } from "../sandbox/types.js";
import { openRoot, type Root } from "../workspace/root.js";
import { type Admission, createAdmission, networkedId } from "./admission.js";
import type { ToolCall } from "./types.js";

let dir = "";
let root: Root;
test.before(() => {
  // Not below /tmp: commands may name that, they have one of their own.
  dir = realpathSync(mkdtempSync("/var/tmp/admission-"));
  for (const folder of ["work/pkg", "home/.nvm/bin", "home/.ssh"])
    mkdirSync(join(dir, folder), { recursive: true });
  root = openRoot(join(dir, "work"));
});
test.after(() => {
  root.close();
  rmSync(dir, { recursive: true });
});

function setup(network: "none" | "host" = "none"): {
  admission: Admission;
  approvals: Approvals;
  callOf(args: Record<string, unknown>, caller?: string): ToolCall;
} {
  const own: SandboxPolicy = {
    id: "app",
    root: root.path,
    readOnly: false,
    network,
    read: [join(dir, "home/.nvm")],
    write: [],
    masks: [],
    home: join(dir, "state/home"),
    tmp: join(dir, "state/tmp"),
    cache: join(dir, "state/cache"),
    path: "/usr/bin:/bin",
    env: {},
  };
  const approvals = createApprovals({ clock: createTestClock(), onChange() {} });
  const admission = createAdmission({
    mode: "safe",
    policy: createPolicy(),
    approvals,
    sandboxPolicy: () => own,
    home: join(dir, "home"),
  });
  const workspace = { id: "app", path: root.path, profile: "full", root } as const;
  const callOf = (args: Record<string, unknown>, caller = "ann"): ToolCall => ({
    args: { workdir: ".", stdin: "", env: {}, tty: false, ...args },
    workspace,
    reachable: [],
    toolNames: [],
    signal: new AbortController().signal,
    progress: () => undefined,
    ask: undefined,
    caller,
  });
  return { admission, approvals, callOf };
}

async function faultOf(run: Promise<unknown>): Promise<Fault> {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.instance(error, Fault);
  return error as Fault;
}

test("what the mode allows runs within the workspace's own policy", async () => {
  const { admission, callOf } = setup();
  const policy = await admission.admit(callOf({ cmd: "npm test" }));
  assert.is(policy.id, "app");
  assert.is(policy.network, "none");
});

test("what it refuses is named, with everything else that is needed", async () => {
  const { admission, callOf } = setup();
  const fault = await faultOf(admission.admit(callOf({ cmd: "sh -c 'curl https://a.b'" })));
  assert.is(fault.code, "PERMISSION_REQUIRED");
  assert.is(fault.details.permission, "inline_script");
  assert.equal(fault.details.permissions, ["inline_script", "network"]);
  assert.is(fault.details.command, "sh -c 'curl https://a.b'");
  assert.match(fault.hint ?? "", "request_permissions");
  const outside = await faultOf(admission.admit(callOf({ cmd: "cat /etc/passwd" })));
  assert.is(outside.details.permission, "filesystem_escape");
  assert.is(outside.details.path, "/etc/passwd");
  assert.match(outside.hint ?? "", "sandbox.read");
});

test("folder, variables, standard input and bound paths of the call count", async () => {
  const { admission, callOf } = setup();
  const permissionOf = async (args: Record<string, unknown>): Promise<unknown> =>
    (await faultOf(admission.admit(callOf(args)))).details.permission;
  await admission.admit(callOf({ cmd: "cat ../x", cwd: "pkg" }));
  await admission.admit(callOf({ cmd: "cat ../x", workdir: "pkg" }));
  await admission.admit(callOf({ cmd: "~/.nvm/bin/node x.js; ls /tmp/mine" }));
  assert.is(await permissionOf({ cmd: "cat ../x" }), "filesystem_escape");
  assert.is(await permissionOf({ cmd: "cat ~/.ssh/id" }), "filesystem_escape");
  assert.is(await permissionOf({ cmd: "bash", stdin: "x" }), "inline_script");
  assert.is(await permissionOf({ cmd: "true", env: { LD_PRELOAD: "x" } }), "sensitive_env");
});

test("a grant lets this call through once, and opens the network for it alone", async () => {
  const { admission, approvals, callOf } = setup();
  // As request_permissions gets them: without the defaults.
  const subject = {
    tool: "exec_command",
    args: { cmd: "curl https://a.b", cwd: "pkg" },
    workspace: "app",
    caller: "ann",
  };
  const { id } = approvals.request({ subject, permissions: ["network"], reason: "x" });
  approvals.decide(id, { allow: true }, "owner");
  const call = { cmd: "curl https://a.b", cwd: "pkg", yield_time_ms: 100 };
  assert.is((await faultOf(admission.admit(callOf(call, "bob")))).code, "PERMISSION_REQUIRED");
  const granted = await admission.admit(callOf(call));
  assert.is(granted.network, "host");
  assert.is(granted.id, networkedId("app"));
  assert.is((await faultOf(admission.admit(callOf(call)))).code, "PERMISSION_REQUIRED");
});

test("the network can be granted to a command whose words do not show that it needs it", async () => {
  const { admission, approvals, callOf } = setup();
  const subject = { tool: "exec_command", args: { cmd: "npm install" }, workspace: "app", caller: "ann" };
  approvals.decide(
    approvals.request({ subject, permissions: ["network"], reason: "x" }).id,
    { allow: true },
    "owner",
  );
  assert.is((await admission.admit(callOf({ cmd: "npm install" }))).network, "host");
  assert.is((await admission.admit(callOf({ cmd: "npm install" }))).network, "none");
});

test("any other grant leaves the network as it is", async () => {
  const { admission, approvals, callOf } = setup();
  const subject = { tool: "exec_command", args: { cmd: "echo $(date)" }, workspace: "app", caller: "ann" };
  const { id } = approvals.request({ subject, permissions: ["shell_expansion"], reason: "x" });
  approvals.decide(id, { allow: true }, "owner");
  assert.is((await admission.admit(callOf({ cmd: "echo $(date)" }))).network, "none");
  const open = setup("host");
  assert.is((await open.admission.admit(open.callOf({ cmd: "curl https://a.b" }))).id, "app");
});

test.run();
