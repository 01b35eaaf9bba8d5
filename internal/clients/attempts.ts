import type { Clock } from "../clock/clock.js";
import { type Diagnosis, diagnose } from "./diagnosis.js";
import { clean } from "./text.js";

/** What a client does to get in, in the order it does it. */
export const steps = ["metadata", "register", "authorize", "token", "initialize", "list", "call"] as const;
export type Step = (typeof steps)[number];

/** One request of a client on its way in. Strings may come from outside; they are cleaned here. */
export interface AttemptNote {
  readonly userAgent: string | undefined;
  /**
   * The OAuth client id, where it is known: it ties together what one client does under several user agents, of which
   * the owner's browser is one.
   */
  readonly source?: string | undefined;
  readonly step: Step;
  readonly result: "ok" | "refused";
  /** The HTTP status. */
  readonly status?: number | undefined;
  /**
   * An error code as in `invalid_client`, never a token, code, query or body. Of authorize, when the result is ok:
   * `allowed` or `denied` once the owner answered; anything else means that the page was shown. Of token, likewise:
   * `refreshed` for a refresh token, nothing for a code. Of list: how many tools.
   */
  readonly detail?: string | undefined;
}

/** What became of one step: the last time it was made. */
export interface StepRecord {
  readonly step: Step;
  readonly result: "ok" | "refused";
  readonly status: number | null;
  readonly detail: string | null;
  /** RFC 3339. */
  readonly at: string;
  readonly times: number;
}

/** One attempt to get in: the requests of one client with less than ten minutes between them; serialised as it is. */
export interface AttemptRecord {
  /** Of the program, never of the owner's browser; empty when it never told. */
  readonly user_agent: string;
  /** Its OAuth client id. */
  readonly client_id: string | null;
  readonly started_at: string;
  readonly last_at: string;
  /** The furthest step that succeeded. */
  readonly reached: Step | null;
  /** The steps that were made, in the order of the way in. */
  readonly steps: readonly StepRecord[];
  /** The first of them that was refused and never succeeded afterwards. */
  readonly failure: StepRecord | null;
}

/** The attempts of one program. */
export interface ClientAttempts {
  readonly user_agent: string;
  /** The latest first, at most five. */
  readonly attempts: readonly (AttemptRecord & { readonly diagnosis: Diagnosis | null })[];
}

export interface Attempts {
  /** Notes one request. */
  note(note: AttemptNote): void;
  /** Every program remembered, the latest first. */
  list(): readonly ClientAttempts[];
}

export const maxThreads = 100;
export const maxAttempts = 5;
const gapMs = 10 * 60_000;

interface Outcome extends Pick<StepRecord, "result" | "status" | "detail"> {
  readonly at: number;
  readonly times: number;
}

interface Attempt {
  userAgent: string;
  readonly source: string | undefined;
  first: number;
  last: number;
  readonly outcomes: Map<Step, Outcome>;
}

/**
 * How clients got in, or how far: in memory only. A request without a client id belongs to the one client that came with
 * the same user agent and told its id, be it before or afterwards; else to its user agent. At most `maxThreads` of both
 * are kept, the least recently seen forgotten first, and `maxAttempts` attempts of each; one user agent has no more than
 * `maxAttempts` of them, so that a client which registers anew each time pushes nobody else out.
 */
export function createAttempts(clock: Clock): Attempts {
  // Insertion order is the order in which they were last seen. Each holds its attempts, the latest last.
  const threads = new Map<string, Attempt[]>();

  function currentOf(key: string, now: number): Attempt | undefined {
    const attempt = threads.get(key)?.at(-1);
    return attempt && now - attempt.last < gapMs ? attempt : undefined;
  }

  /** The attempt that a request belongs to, begun when there is none. */
  function find({ userAgent, source, now }: Origin): Attempt {
    const key = source === undefined ? (keyOfOne(userAgent, now) ?? agentKey(userAgent)) : `id ${source}`;
    const attempt = currentOf(key, now) ?? begin(key, { userAgent, source, now });
    if (source !== undefined && userAgent !== "") absorb(attempt, agentKey(userAgent), now);
    const list = threads.get(key) ?? [];
    threads.delete(key);
    threads.set(key, list);
    return attempt;
  }

  /** The one client with an id that comes with this user agent just now, if there is one, and only one. */
  function keyOfOne(userAgent: string, now: number): string | undefined {
    if (userAgent === "") return undefined;
    const keys = [...threads.keys()].filter((key) => {
      const current = currentOf(key, now);
      return current?.source !== undefined && current.userAgent === userAgent;
    });
    return keys.length === 1 ? keys[0] : undefined;
  }

  function begin(key: string, { userAgent, source, now }: Origin): Attempt {
    const attempt = { userAgent, source, first: now, last: now, outcomes: new Map() };
    const known = threads.get(key);
    if (known) {
      known.push(attempt);
      if (known.length > maxAttempts) known.shift();
      return attempt;
    }
    const same = [...threads].filter(([, list]) => list.at(-1)?.userAgent === userAgent);
    if (same.length >= maxAttempts) threads.delete(same[0]?.[0] ?? "");
    else if (threads.size >= maxThreads) threads.delete([...threads.keys()][0] ?? "");
    threads.set(key, [attempt]);
    return attempt;
  }

  /** Takes over what the same program did before it told its client id. */
  function absorb(into: Attempt, key: string, now: number): void {
    const before = currentOf(key, now);
    if (before === undefined) return;
    for (const [step, outcome] of before.outcomes) {
      const own = into.outcomes.get(step);
      const times = outcome.times + (own?.times ?? 0);
      into.outcomes.set(step, { ...(own && own.at > outcome.at ? own : outcome), times });
    }
    into.first = Math.min(into.first, before.first);
    threads.get(key)?.pop();
    if (threads.get(key)?.length === 0) threads.delete(key);
  }

  return {
    note({ userAgent, source, step, result, status, detail }) {
      const now = clock.now();
      // Only the owner's browser comes to the page; what it calls itself says nothing about the client.
      const agent = step === "authorize" && source !== undefined ? "" : clean(userAgent ?? "");
      const attempt = find({ userAgent: agent, source: source && clean(source), now });
      if (agent !== "") attempt.userAgent = agent;
      attempt.last = now;
      const times = (attempt.outcomes.get(step)?.times ?? 0) + 1;
      const said = detail === undefined ? null : clean(detail);
      attempt.outcomes.set(step, { result, status: status ?? null, detail: said, at: now, times });
    },
    list() {
      const now = clock.now();
      const byAgent = new Map<string, Attempt[]>();
      for (const attempt of [...threads.values()].flat().sort((a, b) => b.last - a.last)) {
        const list = byAgent.get(attempt.userAgent) ?? [];
        if (list.length < maxAttempts) byAgent.set(attempt.userAgent, [...list, attempt]);
      }
      return [...byAgent].map(([userAgent, list]) => ({
        user_agent: userAgent,
        attempts: list
          .map(recordOf)
          .map((record) => ({ ...record, diagnosis: diagnose(record, now) ?? null })),
      }));
    },
  };
}

interface Origin {
  readonly userAgent: string;
  readonly source: string | undefined;
  readonly now: number;
}

function agentKey(userAgent: string): string {
  return `agent ${userAgent}`;
}

function recordOf({ userAgent, source, first, last, outcomes }: Attempt): AttemptRecord {
  const made = steps.flatMap((step): StepRecord[] => {
    const outcome = outcomes.get(step);
    return outcome ? [{ step, ...outcome, at: new Date(outcome.at).toISOString() }] : [];
  });
  return {
    user_agent: userAgent,
    client_id: source ?? null,
    started_at: new Date(first).toISOString(),
    last_at: new Date(last).toISOString(),
    reached: made.findLast(({ result }) => result === "ok")?.step ?? null,
    steps: made,
    failure: made.find(({ result }) => result === "refused") ?? null,
  };
}
