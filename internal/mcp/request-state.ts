import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../clock/clock.js";

/** What `open` makes of a state that came back. */
export type OpenedState =
  | { readonly kind: "fresh"; readonly keys: readonly string[] }
  /** Too old, used before, or sealed before this process began: the question has to be asked again. */
  | { readonly kind: "stale" }
  /** Made up, changed, or taken from another call or caller. */
  | { readonly kind: "forged" };

/**
 * Seals what a stateless client carries from `input_required` to its retry (2026-07-28, multi round-trip requests).
 * A state is bound to the text `binding`, counts once and for ten minutes.
 */
export interface StateSealer {
  seal(keys: readonly string[], binding: string): string;
  open(state: string, binding: string): OpenedState;
}

const lifeMs = 10 * 60_000;
/** So many used states are remembered; every one of them is a question that a person answered. */
const maxUsed = 4096;

/** The key lives as long as the process: after a restart old states are stale, and the question is asked again. */
export function createStateSealer(clock: Clock): StateSealer {
  const key = randomBytes(32);
  /** Names this key, so that a state of an earlier process is told from a forged one. */
  const keyId = randomBytes(6).toString("base64url");
  /** Expiry by nonce, in order of use. */
  const used = new Map<string, number>();

  return {
    seal(keys, binding) {
      const nonce = randomBytes(12).toString("base64url");
      const payload = Buffer.from(JSON.stringify([clock.now() + lifeMs, nonce, keys])).toString("base64url");
      return `${keyId}.${payload}.${mac(payload, binding).toString("base64url")}`;
    },
    open(state, binding) {
      const [sealedBy, payload = "", tag = "", ...rest] = state.split(".");
      if (rest.length > 0 || tag === "") return { kind: "forged" };
      if (sealedBy !== keyId) return { kind: "stale" };
      const expected = mac(payload, binding);
      const given = Buffer.from(tag, "base64url");
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return { kind: "forged" };
      const [expires, nonce, keys] = JSON.parse(Buffer.from(payload, "base64url").toString()) as [
        number,
        string,
        readonly string[],
      ];
      if (expires <= clock.now() || used.has(nonce)) return { kind: "stale" };
      remember(nonce, expires);
      return { kind: "fresh", keys };
    },
  };

  function mac(payload: string, binding: string): Buffer {
    return createHmac("sha256", key).update(payload).update("\n").update(binding).digest();
  }

  function remember(nonce: string, expires: number): void {
    for (const [old, at] of used) {
      if (at > clock.now() && used.size < maxUsed) break;
      used.delete(old);
    }
    used.set(nonce, expires);
  }
}
