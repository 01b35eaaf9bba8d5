import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { StateFile } from "../../state/state-file.js";
import { rotate } from "./grant-rules.js";
import {
  client,
  consent,
  openStage,
  outcomeOf,
  type Stage,
  type StageOptions,
  site,
  verifier,
  type WriteFault,
} from "./grants.test.util.js";
import { readRefreshToken } from "./refresh-token.js";
import type { OAuthState, Site } from "./types.js";

/** Random histories of one grant: an honest client, a thief with every token there ever was, the owner, and crashes. */

const clientId = client.id;
const key = Buffer.alloc(32, 7);
const graceMs = site.refreshGraceS * 1_000;

type Step =
  /** The client refreshes; `lost`: the answer does not reach it, and it will try again with the token it has. */
  | { readonly do: "refresh"; readonly lost: boolean; readonly fault: WriteFault }
  /** Two of the client's processes refresh at once. */
  | { readonly do: "refresh twice" }
  | { readonly do: "replay"; readonly which: number; readonly fault: WriteFault }
  | { readonly do: "guess at the code" }
  | { readonly do: "replay the code" }
  | { readonly do: "revoke"; readonly fault: WriteFault }
  | { readonly do: "restart" }
  | { readonly do: "wait"; readonly ms: number };

const fault = fc.oneof(
  { weight: 6, arbitrary: fc.constant<WriteFault>("none") },
  { weight: 3, arbitrary: fc.constantFrom<WriteFault>("full", "crash before", "crash after") },
);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("refresh" as const), lost: fc.boolean(), fault }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("refresh twice" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("replay" as const), which: fc.nat(30), fault }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("guess at the code" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("replay the code" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("revoke" as const), fault }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(1, graceMs / 3, graceMs - 1, graceMs, 5 * graceMs),
    }),
  },
);
const histories = fc.array(anyStep, { minLength: 1, maxLength: 25 });

/** What has to be true, told apart from how the grants do it. */
interface Expectation {
  /** The token of each generation, as it was handed out or lost on the way, and when it was replaced. */
  readonly issued: { readonly token: string; replacedAt: number | undefined }[];
  ended: boolean;
}

interface Setting extends StageOptions {
  /** What the grants are told, where it differs from what is expected of them. */
  readonly told?: Partial<Site>;
  /** Loses at a crash what was answered after the sign-in. */
  readonly forgetful?: boolean;
}

async function play(steps: readonly Step[], setting: Setting = {}): Promise<void> {
  const stage = await openStage(setting);
  try {
    const code = await stage.grants.issueCode(consent);
    const exchange = { code, clientId, redirectUri: undefined, verifier };
    const grant = await stage.grants.exchangeCode(exchange, site);
    const codeEndsAt = stage.clock.now() + 60_000;
    const first = stage.grants.refreshTokenOf(grant);
    const expected: Expectation = { issued: [{ token: first, replacedAt: undefined }], ended: false };
    let held = first;
    stage.forgetful = setting.forgetful ?? false;

    for (const step of steps) {
      switch (step.do) {
        case "refresh": {
          const next = await present(held, step.fault);
          if (next !== undefined && !step.lost) held = next;
          break;
        }
        case "refresh twice": {
          const [one, two] = await Promise.all([send(held), send(held)]);
          judge(held, one, "none");
          judge(held, two, "none");
          held = one ?? held;
          break;
        }
        case "replay":
          await present(expected.issued[step.which % expected.issued.length]?.token ?? first, step.fault);
          break;
        case "guess at the code":
          await refused(stage.grants.exchangeCode({ ...exchange, verifier: `${verifier}x` }, site));
          break;
        case "replay the code":
          await refused(stage.grants.exchangeCode(exchange, site));
          expected.ended ||= stage.clock.now() < codeEndsAt;
          break;
        case "revoke":
          stage.fault = step.fault;
          await stage.grants.revoke(grant.id).catch(() => {});
          expected.ended ||= step.fault === "none" || step.fault === "crash after";
          await recover();
          break;
        case "restart":
          await stage.restart();
          break;
        case "wait":
          stage.clock.advance(step.ms);
      }
      check(stage, expected, grant.id);
    }

    async function present(token: string, fault: WriteFault): Promise<string | undefined> {
      stage.fault = fault;
      const next = await send(token);
      await recover();
      judge(token, next, fault);
      return next;
    }

    async function send(token: string): Promise<string | undefined> {
      const refresh = stage.grants.refresh({ token, clientId }, { ...site, ...setting.told });
      return refresh.then(
        ({ refreshToken }) => refreshToken,
        () => undefined,
      );
    }

    /** A process that crashed starts again. */
    async function recover(): Promise<void> {
      if (stage.fault.startsWith("crash")) await stage.restart();
      stage.fault = "none";
    }

    /** Compares one refresh with what it should have come to, and notes it. */
    function judge(token: string, next: string | undefined, fault: WriteFault): void {
      const entry = expected.issued.find((candidate) => candidate.token === token);
      const newest = expected.issued.at(-1);
      assert.ok(entry && newest);
      if (expected.ended) return assert.is(next, undefined, "an ended grant never works again");
      const now = stage.clock.now();
      if (entry !== newest) {
        const inGrace = entry.replacedAt !== undefined && now - entry.replacedAt < graceMs;
        if (inGrace) {
          assert.ok(stage.grants.get(grant.id), "an honest client is not logged out");
          const failed = fault !== "none" && next === undefined;
          return assert.ok(failed || next === newest.token, "a retry inside the grace window succeeds");
        }
        expected.ended = fault === "none" || fault === "crash after";
        return assert.is(next, undefined, "a replay after the grace window is refused");
      }
      assert.is(next !== undefined, fault === "none", "the token in force works unless the write fails");
      if (fault === "full" || fault === "crash before") return;
      const inForce = stage.grants.get(grant.id);
      assert.ok(inForce, "an honest client is not logged out");
      entry.replacedAt = now;
      expected.issued.push({ token: stage.grants.refreshTokenOf(inForce), replacedAt: undefined });
      if (next !== undefined) assert.is(next, expected.issued.at(-1)?.token);
    }
  } finally {
    await stage.close();
  }
}

async function refused(run: Promise<unknown>): Promise<void> {
  assert.is(await outcomeOf(run), "invalid_grant");
}

function check({ state, grants, clock }: Stage, { issued, ended }: Expectation, grantId: string): void {
  assert.is(grants.get(grantId) === undefined, ended, "the grant stands unless it was ended");
  const advancing = issued.filter(({ token }) => advances(state, token, clock.now()));
  assert.is(advancing.length, ended ? 0 : 1, "exactly one token of a live grant makes progress");
}

/** Whether presenting `token` now would make a new one; tried on a copy. */
function advances(state: StateFile<OAuthState>, token: string, now: number): boolean {
  const claim = readRefreshToken(key, token);
  assert.ok(claim);
  try {
    const result = rotate(structuredClone(state.current()), { ...claim, clientId }, { now, site });
    return "grant" in result && !result.repeated;
  } catch {
    return false;
  }
}

test("no history gives two live families, logs an honest client out or revives a grant", async () => {
  await fc.assert(
    fc.asyncProperty(histories, (steps) => play(steps)),
    { numRuns: 200 },
  );
});

const mutants: readonly (readonly [string, RegExp, Setting])[] = [
  [
    "without a grace window the honest client is logged out",
    /an honest client is not logged out|a retry inside the grace window succeeds/,
    { told: { refreshGraceS: 0 } },
  ],
  [
    "with one that never ends a replay stays unseen",
    /replay after the grace window/,
    { told: { refreshGraceS: 1e9 } },
  ],
  ["when replays end nothing the grant lives on", /stands unless it was ended/, { around: keepingGrants }],
  ["when a crash forgets what was answered two families live", /exactly one token/, { forgetful: true }],
];
for (const [name, reason, setting] of mutants) {
  test(`control: ${name}`, async () => {
    const result = await fc.check(
      fc.asyncProperty(histories, (steps) => play(steps, setting)),
      { seed: 20261122, numRuns: 200, endOnFailure: true },
    );
    assert.ok(result.failed);
    assert.match(String(result.errorInstance), reason);
  });
}

/** A store that never loses a grant. */
function keepingGrants(state: StateFile<OAuthState>): StateFile<OAuthState> {
  return {
    current: () => state.current(),
    update: (change) =>
      state.update((draft) => {
        const before = { ...draft.grants };
        const result = change(draft);
        Object.assign(draft.grants, { ...before, ...draft.grants });
        return result;
      }),
  };
}

test.run();
