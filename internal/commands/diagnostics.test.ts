import { test } from "uvu";
import * as assert from "uvu/assert";
import { openPolicy } from "../../test/support/direct-sandbox.js";
import type { CommandState } from "./command.js";
import { type CommandFacts, type Diagnostic, diagnose, refusalDiagnostic } from "./diagnostics.js";

const policy = { ...openPolicy("/home/me/app"), tmp: "/var/lib/x/tmp", home: "/var/lib/x/home" };
const failed: CommandState = { status: "exited", exitCode: 1, signal: null, timedOut: false, elapsedMs: 5 };

function of(output: string, change: Partial<CommandFacts> = {}): readonly Diagnostic[] {
  return diagnose({
    state: failed,
    output,
    truncated: false,
    timeoutMs: 1000,
    policy,
    home: "/home/me",
    ...change,
  });
}

function codes(output: string, change: Partial<CommandFacts> = {}): string[] {
  return of(output, change).map(({ code }) => code);
}

const cases: readonly (readonly [output: string, code: string, fix: RegExp])[] = [
  ["curl: (6) Could not resolve host: example.com", "DNS_RESOLUTION_FAILED", /exec\.sandbox\.network: host/],
  [
    "npm ERR! request failed: getaddrinfo EAI_AGAIN registry.example.org",
    "DNS_RESOLUTION_FAILED",
    /network: host/,
  ],
  ["socket.gaierror: [Errno -3] Temporary failure in name resolution", "DNS_RESOLUTION_FAILED", /network/],
  ["connect: Network is unreachable", "NETWORK_PERMISSION_REQUIRED", /exec\.sandbox\.network/],
  ["Error: connect ENETUNREACH 1.1.1.1:443", "NETWORK_PERMISSION_REQUIRED", /request_permissions/],
  ["bash: /dev/null: Permission denied", "DEV_NULL_DENIED", /doctor/],
  ["Error loading java.security file", "JDK_SECURITY_CONFIG_BLOCKED", /exec\.sandbox\.read/],
  ["touch: cannot touch '/tmp/x': Permission denied", "TMPDIR_NOT_WRITABLE", /TMPDIR/],
  ["mkdir: cannot create directory '/home/me/.nvm/x': Read-only file system", "HOME_NOT_WRITABLE", /HOME/],
  [
    "touch: cannot touch '/usr/lib/x': Read-only file system",
    "SANDBOX_WRITE_BLOCKED",
    /exec\.sandbox\.write/,
  ],
  ["Error: EROFS: read-only file system, open '/opt/x'", "SANDBOX_WRITE_BLOCKED", /\/opt\/x.*sandbox\.write/],
  ["error: could not write /home/me/app/.git/config: Read-only file system", "HOME_NOT_WRITABLE", /HOME/],
  ["cat: /etc/shadow: Permission denied", "LANDLOCK_READ_ROOT_BLOCKED", /\/etc\/shadow.*exec\.sandbox\.read/],
  [
    "FileNotFoundError: [Errno 2] No such file or directory: '/home/me/other/x'",
    "LANDLOCK_READ_ROOT_BLOCKED",
    /other/,
  ],
  ["bash: line 1: gradle: command not found", "EXECUTABLE_NOT_FOUND", /gradle.*PATH/],
];

for (const [output, code, fix] of cases) {
  test(`${code}: ${output}`, () => {
    const found = of(output);
    assert.is(found[0]?.code, code);
    assert.match(found[0]?.suggested_fix ?? "", fix);
    assert.ok(output.includes(found[0]?.evidence ?? "none"));
  });
}

test("what is no doing of the sandbox is not blamed on it", () => {
  const innocent = [
    "cat: missing.txt: No such file or directory",
    "cat: /home/me/app/missing: No such file or directory",
    "cat: /usr/missing: No such file or directory",
    "AssertionError: expected 1 to be 2",
    "./run.sh: Permission denied",
  ];
  assert.equal(
    innocent.flatMap((output) => codes(output)),
    [],
  );
});

test("a command that succeeded, still runs, or is not confined is not diagnosed", () => {
  const [output] = cases[0] ?? [""];
  assert.equal(codes(output, { state: { ...failed, exitCode: 0 } }), []);
  assert.equal(codes(output, { state: { ...failed, status: "running", exitCode: null } }), []);
  assert.equal(codes(output, { policy: undefined }), []);
});

test("with the network on, a name that does not resolve is not the sandbox's doing", () => {
  const [found] = of("Could not resolve host: x", { policy: { ...policy, network: "host" } });
  assert.not.match(found?.suggested_fix ?? "", /sandbox/);
  assert.equal(codes("Network is unreachable", { policy: { ...policy, network: "host" } }), []);
});

test("time and cut output are told", () => {
  const state = { ...failed, status: "timeout", timedOut: true } as const;
  assert.equal(codes("", { state, truncated: true }), ["COMMAND_TIMED_OUT", "OUTPUT_TRUNCATED"]);
  assert.is(of("", { truncated: true })[0]?.severity, "warning");
});

test("refusals name what the owner can do", () => {
  assert.is(
    refusalDiagnostic("network")?.suggested_server_flag,
    "--allow-network or --permission-mode trusted",
  );
  assert.is(refusalDiagnostic("inline_script")?.code, "INLINE_SCRIPT_PERMISSION_REQUIRED");
  assert.is(refusalDiagnostic("shell_expansion")?.code, "SHELL_EXPANSION_PERMISSION_REQUIRED");
  assert.is(refusalDiagnostic("sensitive_env")?.code, "SECRET_ENV_REJECTED");
  assert.is(refusalDiagnostic("destructive_command"), undefined);
});

test.run();
