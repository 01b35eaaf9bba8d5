import { test } from "uvu";
import * as assert from "uvu/assert";
import { type AttemptNote, createAttempts } from "../../../internal/clients/attempts.js";
import { createTestClock } from "../../../test/support/clock.js";
import { createEvents } from "./events.js";

function journal() {
  const clock = createTestClock();
  const attempts = createAttempts(clock);
  const newEvents = createEvents();
  return {
    async note(...notes: readonly Omit<AttemptNote, "result">[]): Promise<void> {
      for (const note of notes) {
        await clock.advance(5);
        attempts.note({ result: (note.status ?? 200) < 400 ? "ok" : "refused", ...note });
      }
    },
    events: () =>
      newEvents(attempts.list()).map(
        ({ client, text, isConnected }) => `${client}: ${text}${isConnected ? "!" : ""}`,
      ),
  };
}

const claude = { userAgent: "Claude-User", source: "id-1" };

test("what was there before is no news; what a client does then is told in its order, by the name people know", async () => {
  const { note, events } = journal();
  await note({ userAgent: "codex/1", step: "list", detail: "5 tools" });
  assert.equal(events(), []);
  await note(
    { userAgent: "Claude-User", step: "metadata" },
    { ...claude, step: "register" },
    { ...claude, step: "authorize" },
  );
  assert.equal(events(), [
    "claude.ai, Claude Desktop: found the server",
    "claude.ai, Claude Desktop: registered",
    "claude.ai, Claude Desktop: opened the sign-in page",
  ]);
  await note(
    { ...claude, step: "authorize", detail: "allowed" },
    { ...claude, step: "token" },
    { ...claude, step: "list", detail: "20 tools" },
  );
  assert.equal(events(), [
    "claude.ai, Claude Desktop: was allowed in",
    "claude.ai, Claude Desktop: signed in",
    "claude.ai, Claude Desktop: listed 20 tools!",
  ]);
});

test("the same again is told once, but a client that was connected before and comes again is connected", async () => {
  const { note, events } = journal();
  await note({ userAgent: "codex/1", step: "list", detail: "5 tools" });
  events();
  const wrong = { userAgent: "curl/8", step: "initialize", status: 401, detail: "invalid_token" } as const;
  await note(wrong, wrong);
  assert.equal(events(), ["curl/8: was turned away at initialize (401 invalid_token)"]);
  await note(wrong);
  assert.equal(events(), []);
  await note({ userAgent: "codex/1", step: "list", detail: "5 tools" });
  assert.equal(events(), ["Codex: listed 5 tools!"]);
});

test("a client that gives no name has one here", async () => {
  const { note, events } = journal();
  events();
  await note({ userAgent: undefined, step: "call" });
  assert.equal(events(), ["a client that gives no name: called a tool!"]);
});

test.run();
