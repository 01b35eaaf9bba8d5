import { test } from "uvu";
import * as assert from "uvu/assert";
import { type AttemptNote, createAttempts } from "./attempts.js";
import { diagnosisRows, quietMs } from "./diagnosis.js";

/** A step that succeeded, with its detail, or one that was refused. */
type Told =
  | AttemptNote["step"]
  | readonly [AttemptNote["step"], string]
  | readonly [AttemptNote["step"], number, string?];

/** What is said `after` milliseconds of silence about a client that did these steps. */
function codeAfter(after: number, told: readonly Told[]): string | undefined {
  let now = 0;
  const attempts = createAttempts({ now: () => now, monotonic: () => now, after: () => () => {} });
  for (const it of told) {
    now += 1_000;
    attempts.note({ userAgent: "agent/1", ...noteOf(it) });
  }
  now += after;
  return attempts.list()[0]?.attempts[0]?.diagnosis?.code;
}

function noteOf(told: Told): Omit<AttemptNote, "userAgent"> {
  if (typeof told === "string") return { step: told, result: "ok" };
  const [step, what, detail] = told;
  if (typeof what === "string") return { step, result: "ok", detail: what };
  return { step, result: "refused", status: what, detail };
}

const allowed: Told = ["authorize", "allowed"];
const challenge: Told = ["initialize", 401];
const signedIn: readonly Told[] = [challenge, "metadata", "register", allowed, "token"];

/** Every row, the steps that show it, and steps much like them that show something else, or nothing. */
const cases: Readonly<Record<string, { shown: readonly Told[]; not: readonly Told[] }>> = {
  TOKEN_NOT_SENT: { shown: [...signedIn, challenge], not: signedIn },
  CLIENT_UNKNOWN: { shown: [["token", 401, "invalid_client"]], not: [["token", 401, "invalid_grant"]] },
  GRANT_ENDED: {
    shown: [["token", 400, "invalid_grant"]],
    not: [["token", 400, "invalid_grant"], "token", "call"],
  },
  TOKEN_REFUSED: { shown: [["token", 400, "invalid_request"]], not: ["token"] },
  OWNER_DENIED: { shown: ["metadata", ["authorize", "denied"]], not: ["metadata", "authorize"] },
  AUTHORIZE_REFUSED: { shown: [["authorize", 400]], not: ["authorize"] },
  REGISTER_REDIRECT_REFUSED: {
    shown: ["metadata", ["register", 400, "invalid_redirect_uri"]],
    not: ["metadata", ["register", 400, "invalid_client_metadata"]],
  },
  REGISTER_REFUSED: {
    shown: ["metadata", ["register", 429]],
    not: ["metadata", ["register", 429], "register"],
  },
  NO_OAUTH_HERE: { shown: [challenge, ["metadata", 404]], not: [["metadata", 404], "initialize"] },
  HOST_OR_ORIGIN_REFUSED: { shown: [["initialize", 403]], not: [["initialize", 403], "initialize"] },
  TOO_MANY_REQUESTS: { shown: [["initialize", 429]], not: [["initialize", 429], "initialize"] },
  NO_CREDENTIAL: { shown: [challenge], not: [challenge, "metadata"] },
  METADATA_THEN_NOTHING: { shown: [challenge, "metadata"], not: ["metadata", ["register", 403]] },
  REGISTER_THEN_NOTHING: { shown: ["metadata", "register"], not: ["metadata", "register", "authorize"] },
  PAGE_NOT_ANSWERED: { shown: ["metadata", "register", "authorize"], not: ["metadata", "register", allowed] },
  ALLOWED_THEN_NOTHING: { shown: ["register", allowed], not: ["register", "authorize"] },
  TOKEN_THEN_NOTHING: { shown: signedIn, not: [...signedIn, "initialize"] },
  INITIALIZE_THEN_NOTHING: { shown: [...signedIn, "initialize"], not: [...signedIn, "initialize", "list"] },
};

test("every pattern is told from those that look like it", () => {
  assert.equal(
    diagnosisRows.map(({ code }) => code),
    Object.keys(cases),
  );
  for (const [code, { shown, not }] of Object.entries(cases)) {
    assert.is(codeAfter(quietMs, shown), code);
    assert.is.not(codeAfter(quietMs, not), code);
  }
});

test("a client that has only paused is not judged; a refusal is one at once", () => {
  for (const [code, { shown }] of Object.entries(cases)) {
    const row = diagnosisRows.find((it) => it.code === code);
    const told = row?.refused !== undefined && row.reached === undefined;
    assert.is(codeAfter(quietMs - 1, shown), told ? code : undefined, code);
  }
});

test("nothing is wrong with a client that got in, also after being asked to sign in or where nobody has to", () => {
  assert.is(codeAfter(quietMs, [...signedIn, "initialize", "list", "call"]), undefined);
  assert.is(codeAfter(quietMs, [["metadata", 404], "initialize", "list"]), undefined);
  assert.is(codeAfter(quietMs, ["call"]), undefined);
});

test("a client that renewed its access and has nothing to ask for is not judged", () => {
  const refreshed: Told = ["token", "refreshed"];
  assert.is(codeAfter(quietMs, [refreshed]), undefined);
  assert.is(codeAfter(quietMs, ["metadata", refreshed]), undefined);
  assert.is(codeAfter(quietMs, ["metadata", "token"]), "TOKEN_THEN_NOTHING");
  // Its next call is, when the token it was given does not come with it.
  assert.is(codeAfter(0, [refreshed, challenge]), "TOKEN_NOT_SENT");
});

test("a client that got in and was shut out later is told so", () => {
  assert.is(codeAfter(0, ["initialize", "list", "call", ["token", 400, "invalid_grant"]]), "GRANT_ENDED");
});

test.run();
