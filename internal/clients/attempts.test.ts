import { test } from "uvu";
import * as assert from "uvu/assert";
import { type AttemptNote, type Attempts, createAttempts, maxAttempts, maxThreads } from "./attempts.js";

let now = 0;
let attempts: Attempts;
test.before.each(() => {
  now = 1_000_000;
  attempts = createAttempts({ now: () => now, monotonic: () => now, after: () => () => {} });
});

const minute = 60_000;

function note(step: AttemptNote["step"], rest: Partial<AttemptNote> = {}): void {
  now += 1_000;
  attempts.note({ userAgent: "agent/1", step, result: "ok", ...rest });
}

/** User agents with what each of their attempts reached. */
function reached(): unknown {
  return attempts.list().map(({ user_agent, attempts: list }) => [user_agent, list.map((it) => it.reached)]);
}

test("keeps how far a client got and what stopped it, nothing more", () => {
  note("initialize", { result: "refused", status: 401 });
  note("metadata", { status: 200 });
  note("metadata", { status: 200 });
  note("register", { result: "refused", status: 403, detail: "invalid_redirect_uri" });
  const metadata = { step: "metadata", result: "ok", status: 200, detail: null, times: 2 };
  const register = {
    step: "register",
    result: "refused",
    status: 403,
    detail: "invalid_redirect_uri",
    times: 1,
  };
  const initialize = { step: "initialize", result: "refused", status: 401, detail: null, times: 1 };
  const at = (seconds: number) => new Date(1_000_000 + seconds * 1_000).toISOString();
  const [client] = attempts.list();
  const { diagnosis, ...attempt } = client?.attempts[0] ?? { diagnosis: null };
  assert.equal(attempt, {
    user_agent: "agent/1",
    client_id: null,
    started_at: at(1),
    last_at: at(4),
    reached: "metadata",
    steps: [
      { ...metadata, at: at(3) },
      { ...register, at: at(4) },
      { ...initialize, at: at(1) },
    ],
    failure: { ...register, at: at(4) },
  });
  assert.is(diagnosis?.code, "REGISTER_REDIRECT_REFUSED");
});

test("a step that succeeds after a refusal is no failure", () => {
  note("initialize", { result: "refused", status: 401 });
  note("initialize", { status: 200 });
  assert.is(attempts.list()[0]?.attempts[0]?.failure, null);
});

test("ten minutes of silence end an attempt; the last five are kept, the latest first", () => {
  note("metadata");
  now += 9 * minute;
  note("register");
  assert.equal(reached(), [["agent/1", ["register"]]]);
  for (let i = 0; i < maxAttempts; i += 1) {
    now += 11 * minute;
    note(i === 0 ? "token" : "metadata");
  }
  assert.equal(reached(), [["agent/1", ["metadata", "metadata", "metadata", "metadata", "token"]]]);
});

test("a client id ties together what one client does under other names, and in the owner's browser", () => {
  note("initialize", { userAgent: "mcp/1", result: "refused", status: 401 });
  note("metadata", { userAgent: "http/1" });
  note("register", { userAgent: "http/1", source: "id-1" });
  note("authorize", { userAgent: "Browser/9", source: "id-1" });
  note("token", { userAgent: "http/1", source: "id-1" });
  note("initialize", { userAgent: "mcp/1", source: "id-1" });
  assert.equal(reached(), [["mcp/1", ["initialize"]]]);
  const [attempt] = attempts.list()[0]?.attempts ?? [];
  assert.is(attempt?.client_id, "id-1");
  assert.is(attempt?.started_at, new Date(1_001_000).toISOString());
  assert.equal(
    attempt?.steps.map(({ step, result, times }) => [step, result, times]),
    [
      ["metadata", "ok", 1],
      ["register", "ok", 1],
      ["authorize", "ok", 1],
      ["token", "ok", 1],
      ["initialize", "ok", 2],
    ],
  );
});

test("a request without a client id is of the one client that is known by its user agent, or of nobody", () => {
  note("token", { source: "id-1" });
  note("initialize", { result: "refused", status: 401 });
  assert.equal(reached(), [["agent/1", ["token"]]]);
  assert.is(attempts.list()[0]?.attempts[0]?.diagnosis?.code, "TOKEN_NOT_SENT");
  note("token", { source: "id-2" });
  note("list");
  assert.equal(reached(), [["agent/1", ["list", "token", "token"]]]);
});

test("without a client id the user agents stay apart", () => {
  note("initialize", { userAgent: "mcp/1" });
  note("metadata", { userAgent: "http/1" });
  assert.equal(reached(), [
    ["http/1", ["metadata"]],
    ["mcp/1", ["initialize"]],
  ]);
});

test("a client that is known by a document comes to the page first, and gets its name afterwards", () => {
  note("metadata", { userAgent: "code/2" });
  note("authorize", { userAgent: "Browser/9", source: "https://example.com/client" });
  note("token", { userAgent: "code/2", source: "https://example.com/client" });
  assert.equal(reached(), [["code/2", ["token"]]]);
});

test("what an earlier attempt did is not taken over", () => {
  note("list", { userAgent: "code/2" });
  now += 11 * minute;
  note("token", { userAgent: "code/2", source: "id-1" });
  assert.equal(reached(), [["code/2", ["token", "list"]]]);
});

test("forgets who was silent longest, and no client that registers in a loop pushes others out", () => {
  note("metadata", { userAgent: "quiet" });
  for (let i = 0; i < 3 * maxThreads; i += 1) note("register", { userAgent: "loop", source: `id-${i}` });
  assert.equal(
    attempts.list().map((it) => [it.user_agent, it.attempts.length]),
    [
      ["loop", maxAttempts],
      ["quiet", 1],
    ],
  );
  for (let i = 0; i < maxThreads; i += 1) note("metadata", { userAgent: `agent/${i}` });
  const agents = attempts.list().map((it) => it.user_agent);
  assert.is(agents.length, maxThreads);
  assert.not(agents.includes("quiet"));
  assert.is(agents[0], `agent/${maxThreads - 1}`);
});

test("strings from outside are cut and lose their control characters", () => {
  const hostile = `\u001b[2J\r\n\u009b${"x".repeat(10_000)}`;
  note("token", { userAgent: hostile, source: hostile, detail: hostile, result: "refused" });
  const [attempt] = attempts.list()[0]?.attempts ?? [];
  for (const text of [attempt?.user_agent, attempt?.client_id, attempt?.failure?.detail]) {
    assert.match(text ?? "", /^\[2Jx{100,196}$/);
  }
});

test("a user agent that never told is one like any other", () => {
  note("metadata", { userAgent: undefined });
  assert.equal(reached(), [["", ["metadata"]]]);
});

test.run();
