import type { Clock } from "../../clock/clock.js";
import { setBounded } from "./bounded.js";

export type PasswordAttempt =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly retryAfterMs: number;
      /** The first one that this delay turns away. */
      readonly first: boolean;
    };

/** Slows down whoever guesses passwords. */
export interface Throttle {
  /**
   * Asks to try a password, and counts it as wrong at once: guesses that are sent together must not all be free. One that
   * is turned away does not count.
   *
   * @param source Where it comes from; undefined when that cannot be told.
   */
  attempt(source: string | undefined): PasswordAttempt;
  /** The password of an attempt was right: forgets the wrong ones. */
  passed(source: string | undefined): void;
  /** Ends all delays, and for five minutes there is none for everybody together. Returns how many there were. */
  unlock(): number;
}

/** When the delay begins, and how long it takes to forget one wrong password. */
interface Rule {
  readonly free: number;
  readonly forgetMs: number;
}

/** Wrong passwords, ones long ago counting less, up to the number that brings the longest delay. */
interface Tally {
  wrong: number;
  at: number;
  told: boolean;
}

/** A person mistypes a few times. */
const perSource: Rule = { free: 3, forgetMs: 300_000 };
/** Forgets faster than one source may guess, so that it takes several of them to delay the owner. */
const together: Rule = { free: 20, forgetMs: 30_000 };

const firstDelayMs = 1_000;
const doublings = 6;
const longestDelayMs = 60_000;
const unlockedMs = 300_000;
const maxSources = 1_024;

/**
 * A delay for each source after its third wrong password, and for everybody after twenty: 1 s, doubled with each further
 * one up to a minute. It decays with time, so nobody is locked out for good. Guessers with many addresses meet the common
 * delay; while they go on the owner may meet it too, which is what `unlock` is for.
 */
export function createThrottle({ clock }: { readonly clock: Clock }): Throttle {
  const sources = new Map<string, Tally>();
  let everybody: Tally = { wrong: 0, at: 0, told: false };
  let unlockedUntil = Number.NEGATIVE_INFINITY;

  return {
    attempt(source) {
      const now = clock.monotonic();
      const own = source === undefined ? undefined : sources.get(source);
      const refusal =
        refuse(own, perSource, now) ?? (now < unlockedUntil ? undefined : refuse(everybody, together, now));
      if (refusal !== undefined) return refusal;
      if (source !== undefined) setBounded(sources, source, oneMore(own, perSource, now), maxSources);
      if (now >= unlockedUntil) everybody = oneMore(everybody, together, now);
      return { ok: true };
    },

    passed(source) {
      if (source !== undefined) sources.delete(source);
      everybody = { wrong: 0, at: clock.monotonic(), told: false };
    },

    unlock() {
      const now = clock.monotonic();
      const delayed = [...sources.values()].filter((tally) => waitOf(tally, perSource, now) > 0).length;
      const ended = delayed + (waitOf(everybody, together, now) > 0 ? 1 : 0);
      sources.clear();
      everybody = { wrong: 0, at: now, told: false };
      unlockedUntil = now + unlockedMs;
      return ended;
    },
  };
}

function refuse(tally: Tally | undefined, rule: Rule, now: number): PasswordAttempt | undefined {
  const retryAfterMs = tally === undefined ? 0 : waitOf(tally, rule, now);
  if (tally === undefined || retryAfterMs <= 0) return undefined;
  const first = !tally.told;
  tally.told = true;
  return { ok: false, retryAfterMs, first };
}

function waitOf({ wrong, at }: Tally, { free }: Rule, now: number): number {
  if (wrong < free) return 0;
  return Math.min(longestDelayMs, firstDelayMs * 2 ** Math.floor(wrong - free)) - (now - at);
}

function oneMore(tally: Tally | undefined, { free, forgetMs }: Rule, now: number): Tally {
  const left = tally === undefined ? 0 : Math.max(0, tally.wrong - (now - tally.at) / forgetMs);
  return { wrong: Math.min(left + 1, free + doublings), at: now, told: false };
}
