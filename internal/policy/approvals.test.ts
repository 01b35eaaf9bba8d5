import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Clock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import { type Approval, type Approvals, createApprovals, maxGrantMs } from "./approvals.js";
import type { Subject } from "./subject.js";

interface Setup {
  readonly approvals: Approvals;
  readonly changes: Approval[];
  /** Lets time pass. */
  pass(ms: number): void;
}

function setup(): Setup {
  let now = 1_000_000;
  const timers = new Set<{ at: number; run: () => void }>();
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
  };
  const changes: Approval[] = [];
  return {
    approvals: createApprovals({ clock, onChange: (approval) => changes.push(approval) }),
    changes,
    pass(ms) {
      now += ms;
      for (const timer of timers) if (timer.at <= now && timers.delete(timer)) timer.run();
    },
  };
}

const subject: Subject = {
  tool: "exec_command",
  args: { cmd: "curl https://example.com", workdir: "." },
  workspace: "app",
  caller: "ann",
};
const request = { subject, permissions: ["network"], reason: "to see" } as const;
const { signal } = new AbortController();

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return undefined;
}

test("nothing is granted before somebody says so, and then once", () => {
  const { approvals, changes } = setup();
  const { id } = approvals.request(request);
  assert.is(approvals.take(subject, ["network"]), undefined);
  approvals.decide(id, { allow: true }, "owner");
  assert.equal(approvals.take(subject, ["network"]), ["network"]);
  assert.is(approvals.take(subject, ["network"]), undefined);
  assert.equal(
    changes.map(({ state }) => state),
    ["pending", "approved", "used"],
  );
});

test("a grant for a time counts any number of times, until then", () => {
  const { approvals, pass } = setup();
  approvals.decide(approvals.request(request).id, { allow: true, forMs: 600_000 }, "owner");
  for (let i = 0; i < 3; i += 1) assert.ok(approvals.take(subject, ["network"]));
  pass(600_000);
  assert.is(approvals.take(subject, ["network"]), undefined);
});

test("no grant lives longer than the longest", () => {
  const { approvals, pass } = setup();
  approvals.decide(approvals.request(request).id, { allow: true, forMs: maxGrantMs * 10 }, "owner");
  pass(maxGrantMs);
  assert.is(approvals.take(subject, []), undefined);
});

test("a grant is for this call and no other", () => {
  const { approvals } = setup();
  approvals.decide(approvals.request(request).id, { allow: true, forMs: 600_000 }, "owner");
  const others: Partial<Subject>[] = [
    { tool: "apply_patch" },
    { workspace: "docs" },
    { caller: "bob" },
    { args: { ...subject.args, cmd: "curl https://example.com/x" } },
    { args: { ...subject.args, workdir: "pkg" } },
    { args: { ...subject.args, env: { A: "1" } } },
    { args: { ...subject.args, stdin: "x" } },
  ];
  for (const other of others) {
    assert.is(approvals.take({ ...subject, ...other }, []), undefined, JSON.stringify(other));
  }
  const same: Subject["args"][] = [
    { cmd: subject.args.cmd },
    { workdir: ".", cmd: subject.args.cmd, env: {}, stdin: "" },
    { cmd: subject.args.cmd, cwd: ".", yield_time_ms: 1000, verbosity: "full", tty: false },
  ];
  for (const args of same) {
    assert.ok(approvals.take({ ...subject, args }, ["network"]), JSON.stringify(args));
  }
});

test("the order of a variable's name does not matter, its value does", () => {
  const { approvals } = setup();
  const withEnv = (env: object): Subject => ({ ...subject, args: { cmd: "x", env } });
  const { id } = approvals.request({ ...request, subject: withEnv({ A: "1", B: "2" }) });
  approvals.decide(id, { allow: true, forMs: 60_000 }, "owner");
  assert.ok(approvals.take(withEnv({ B: "2", A: "1" }), []));
  assert.is(approvals.take(withEnv({ A: "2", B: "1" }), []), undefined);
});

test("whoever answers sees everything that decides what the call does, but no secret", () => {
  const { approvals } = setup();
  const args = {
    cmd: "bash",
    workdir: "pkg",
    env: { LD_PRELOAD: "./x.so", API_TOKEN: "s3cret" },
    stdin: "rm x",
  };
  const { summary } = approvals.request({ ...request, subject: { ...subject, args } });
  assert.is(
    summary,
    "bash\nin folder pkg\nwith LD_PRELOAD=./x.so\nwith API_TOKEN=***\nwith standard input: rm x",
  );
});

test("a grant that covers less than the call needs is neither given nor used up", () => {
  const { approvals } = setup();
  approvals.decide(approvals.request(request).id, { allow: true }, "owner");
  assert.is(approvals.take(subject, ["network", "inline_script"]), undefined);
  assert.ok(approvals.take(subject, ["network"]));
});

test("asking again finds the same request, also its refusal; asking for more is a new question", () => {
  const { approvals } = setup();
  const first = approvals.request(request);
  assert.is(approvals.request(request).id, first.id);
  const more = approvals.request({ ...request, permissions: ["network", "inline_script"] });
  assert.is.not(more.id, first.id);
  assert.equal(more.permissions, ["network", "inline_script"]);
  assert.is(
    codeOf(() => approvals.decide(first.id, { allow: true }, "owner")),
    "NOT_FOUND",
  );
  assert.is(approvals.request(request).id, more.id);
  approvals.decide(more.id, { allow: false }, "owner");
  assert.is(approvals.request(request).state, "denied");
  assert.is(approvals.take(subject, ["network"]), undefined);
  const other = approvals.request({ ...request, permissions: ["shell_expansion"] });
  assert.is(other.state, "pending");
  assert.is.not(other.id, first.id);
});

test("an answer can be changed until it is used", () => {
  const { approvals } = setup();
  const { id } = approvals.request(request);
  approvals.decide(id, { allow: true, forMs: 60_000 }, "client");
  assert.is(approvals.decide(id, { allow: false }, "owner").state, "denied");
  assert.is(approvals.take(subject, []), undefined);
  assert.is(approvals.decide(id, { allow: true }, "owner").decidedBy, "owner");
  assert.ok(approvals.take(subject, []));
  assert.is(
    codeOf(() => approvals.decide(id, { allow: true }, "owner")),
    "NOT_FOUND",
  );
});

test("the client cannot change what was answered", () => {
  const { approvals } = setup();
  const { id } = approvals.request(request);
  approvals.decide(id, { allow: false }, "owner");
  assert.is(approvals.decide(id, { allow: true }, "client").state, "denied");
  assert.is(approvals.take(subject, []), undefined);
});

test("a request lapses, and whoever waits for it is told", async () => {
  const { approvals, pass } = setup();
  const { id } = approvals.request(request);
  const waited = approvals.settled(id, { timeoutMs: 3_600_000, signal });
  pass(30 * 60_000);
  assert.is(
    codeOf(() => approvals.decide(id, { allow: true }, "owner")),
    "NOT_FOUND",
  );
  assert.is(await waited, undefined);
  assert.equal(approvals.list(), []);
});

test("waiting ends with the answer, with time, or with the call", async () => {
  const { approvals, pass } = setup();
  const { id } = approvals.request(request);
  const patient = approvals.settled(id, { timeoutMs: 20_000, signal });
  pass(20_000);
  assert.is((await patient)?.state, "pending");

  const call = new AbortController();
  const cancelled = approvals.settled(id, { timeoutMs: 20_000, signal: call.signal });
  call.abort(new Error("gone"));
  assert.is(await cancelled.catch((error: Error) => error.message), "gone");

  const answered = approvals.settled(id, { timeoutMs: 20_000, signal });
  approvals.decide(id, { allow: true }, "owner");
  assert.is((await answered)?.state, "approved");
  assert.is((await approvals.settled(id, { timeoutMs: 20_000, signal }))?.state, "approved");
});

test("one client cannot fill the store for the others, and all together cannot make it grow", () => {
  const { approvals } = setup();
  const ask = (caller: string, n: number): Approval =>
    approvals.request({ ...request, subject: { ...subject, caller, args: { cmd: `curl ${n}` } } });
  for (let n = 0; n < 16; n += 1) ask("ann", n);
  assert.is(
    codeOf(() => ask("ann", 16)),
    "RATE_LIMITED",
  );
  assert.is(ask("ann", 0).state, "pending");
  assert.is(ask("bob", 0).state, "pending");
  for (let caller = 0; caller < 200; caller += 1) {
    approvals.decide(ask(`client ${caller}`, 0).id, { allow: false }, "owner");
  }
  assert.ok(approvals.list().length <= 128);
  assert.is(approvals.list().filter(({ state }) => state === "pending").length, 17);
  for (let caller = 0; caller < 7; caller += 1) for (let n = 1; n < 16; n += 1) ask(`client ${caller}`, n);
  assert.is(
    codeOf(() => {
      for (let n = 1; n < 16; n += 1) ask("last", n);
    }),
    "RATE_LIMITED",
  );
});

test.run();
