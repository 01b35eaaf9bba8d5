import type { AttemptRecord, Step, StepRecord } from "./attempts.js";

/** What an attempt that came to nothing looks like, and what to do. */
export interface Diagnosis {
  /** Stable, for scripts. */
  readonly code: string;
  /** Lowercase, about "it", the client. */
  readonly text: string;
  readonly hint: string;
}

/** One known pattern. */
interface Row extends Diagnosis {
  /** The furthest step that succeeded; null: none did. */
  readonly reached?: readonly (Step | null)[];
  /** A step that was refused and has not succeeded since. */
  readonly refused?: Step;
  /** Matches status and detail of that refusal, as in `401 invalid_client`. */
  readonly as?: RegExp;
  /** The refusal came after this step had succeeded. */
  readonly after?: Step;
  /** Steps that were not made, neither with success nor without. */
  readonly without?: readonly Step[];
  /** Matches the detail of the furthest step that succeeded. */
  readonly detail?: RegExp;
}

/** Milliseconds without a request, after which a client that has stopped half-way does not go on by itself. */
export const quietMs = 60_000;

const addAgain = "remove the connection in the client, and add it again";

/** In the order they are tried. A row without `refused` says that nothing more came. */
export const diagnosisRows: readonly Row[] = [
  {
    code: "TOKEN_NOT_SENT",
    refused: "initialize",
    as: /^401/,
    after: "token",
    text: "it was given a token, and its next call came without one that is good",
    hint: "see that its url ends in exactly /mcp, and that nothing in front drops the Authorization header",
  },
  {
    code: "CLIENT_UNKNOWN",
    refused: "token",
    as: /invalid_client/,
    text: "it uses a registration that this daemon does not know",
    hint: addAgain,
  },
  {
    code: "GRANT_ENDED",
    refused: "token",
    as: /invalid_grant/,
    text: "what it asks a token with is used up, has ended or was revoked",
    hint: "sign it in once more",
  },
  {
    code: "TOKEN_REFUSED",
    refused: "token",
    text: "its request for a token was refused",
    hint: "see why: ctmcpctl logs",
  },
  {
    code: "OWNER_DENIED",
    reached: ["authorize"],
    without: ["token"],
    detail: /^denied/,
    text: "on the sign-in page you said no",
    hint: "connect it again to be asked again",
  },
  {
    code: "AUTHORIZE_REFUSED",
    refused: "authorize",
    text: "the sign-in page refused its request",
    hint: addAgain,
  },
  {
    code: "REGISTER_REDIRECT_REFUSED",
    refused: "register",
    as: /redirect/,
    text: "it wants to be sent back to an address that is not allowed",
    hint: "see which in ctmcpctl logs; an app's own scheme can be added to auth.redirect_uris",
  },
  {
    code: "REGISTER_REFUSED",
    refused: "register",
    text: "its registration was refused",
    hint: "see why: ctmcpctl logs",
  },
  {
    code: "NO_OAUTH_HERE",
    refused: "metadata",
    as: /^404/,
    reached: [null],
    text: "it looks for a sign-in page, and auth.mode has none",
    hint: "set auth.mode to oauth+bearer; chatgpt.com and claude.ai take nothing else",
  },
  {
    code: "HOST_OR_ORIGIN_REFUSED",
    refused: "initialize",
    as: /^403/,
    text: "it came by a host name or from a web page that is not allowed",
    hint: "set hostname to the name in its url, and add the page to allowed_origins",
  },
  {
    code: "TOO_MANY_REQUESTS",
    refused: "initialize",
    as: /^429/,
    text: "it asked too often and was told to wait",
    hint: "wait a minute; who asks so often shows in ctmcpctl clients",
  },
  {
    code: "NO_CREDENTIAL",
    refused: "initialize",
    as: /^401/,
    reached: [null],
    text: "it came without a token that is good, and did not try to sign in",
    hint: "give it the bearer token, or choose OAuth in it; a new token: ctmcpctl rotate-secret bearer",
  },
  {
    code: "METADATA_THEN_NOTHING",
    reached: ["metadata"],
    without: ["register", "authorize", "token"],
    text: "it read how to sign in, then nothing arrived",
    hint: "let POST /oauth/register through at your edge (Cloudflare: turn Bot Fight Mode off, free plans cannot except a path), then connect it again",
  },
  {
    code: "REGISTER_THEN_NOTHING",
    reached: ["register"],
    without: ["authorize", "token"],
    text: "it registered, and the sign-in page was never opened",
    hint: "connect it again and let it open the browser; a warning page in front of ours has to be clicked away",
  },
  {
    code: "PAGE_NOT_ANSWERED",
    reached: ["authorize"],
    without: ["token"],
    detail: /^(?!allowed)/,
    text: "the sign-in page was shown and not answered",
    hint: "answer it in the browser it was opened in; a new password: ctmcpctl rotate-secret password",
  },
  {
    code: "ALLOWED_THEN_NOTHING",
    reached: ["authorize"],
    without: ["token"],
    text: "you allowed it, and it did not come for its token",
    hint: "connect it again; if it stops there once more, let POST /oauth/token through at your edge",
  },
  {
    code: "TOKEN_THEN_NOTHING",
    reached: ["token"],
    // A client that renews its access between two conversations has nothing to ask for yet.
    detail: /^(?!refreshed)/,
    text: "it was given a token, then nothing arrived: your edge blocks the client's network",
    hint: "allow 160.79.104.0/21, or turn off bot blocking for /mcp (Cloudflare: Block AI bots, Bot Fight Mode)",
  },
  {
    code: "INITIALIZE_THEN_NOTHING",
    reached: ["initialize"],
    without: ["list", "call"],
    text: "it was answered and did not ask for the tools: the answer came late or not at all",
    hint: "see whether your edge holds answers back or cuts them: ctmcpctl doctor",
  },
];

/**
 * What went wrong with an attempt, or undefined when nothing did, or not yet: a client that has only paused may go on.
 * `now` is in milliseconds since the epoch.
 */
export function diagnose(attempt: AttemptRecord, now: number): Diagnosis | undefined {
  const quiet = now - Date.parse(attempt.last_at) >= quietMs;
  // Being refused before anything else is how a client learns that it has to sign in; it is given time to do so.
  const row = diagnosisRows.find(
    (it) => (quiet || (it.refused !== undefined && it.reached === undefined)) && fits(it, attempt),
  );
  return row && { code: row.code, text: row.text, hint: row.hint };
}

function fits({ reached, refused, as, after, without = [], detail }: Row, attempt: AttemptRecord): boolean {
  const find = (step: Step | null): StepRecord | undefined => attempt.steps.find((it) => it.step === step);
  if (reached && !reached.includes(attempt.reached)) return false;
  if (without.some((step) => find(step) !== undefined)) return false;
  if (detail && !detail.test(find(attempt.reached)?.detail ?? "")) return false;
  if (refused === undefined) return true;
  const refusal = find(refused);
  if (refusal?.result !== "refused") return false;
  const hasSucceededAfter = (step: Step): boolean => (find(step)?.at ?? "") > refusal.at;
  if (hasSucceededAfter("list") || hasSucceededAfter("call")) return false;
  if (as && !as.test(`${refusal.status ?? ""} ${refusal.detail ?? ""}`)) return false;
  const before = after && find(after);
  return after === undefined || (before?.result === "ok" && before.at < refusal.at);
}
