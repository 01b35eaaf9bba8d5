import { webcrypto } from "node:crypto";
import type { CryptoKey } from "jose";
import { Fault } from "../../errs/errs.js";
import type { SigningKey } from "./key-schema.js";

/** The key that signs and the ones that verify, as `jose` takes them. */
export interface KeyRing {
  readonly alg: "EdDSA" | "HS256";
  signer(): { readonly kid: string; readonly key: Promise<CryptoKey> };
  /** @throws Fault REFUSED for a key that is unknown or has ended by `now` (milliseconds since the epoch). */
  verifier(kid: string | undefined, now: number): Promise<CryptoKey>;
}

/** False once a replaced key has ended. */
export function isLive({ until }: SigningKey, now: number): boolean {
  return until === null || now < until;
}

/** The keys that `current` answers with; each object in it is imported once. */
export function fileRing(current: () => readonly SigningKey[]): KeyRing {
  const signers = new WeakMap<SigningKey, Promise<CryptoKey>>();
  const verifiers = new WeakMap<SigningKey, Promise<CryptoKey>>();
  return {
    alg: "EdDSA",
    signer() {
      const own = current().find(({ until }) => until === null);
      if (own === undefined) throw new Error("no key is in force");
      return { kid: own.kid, key: once(signers, own, () => importKey(own, "sign")) };
    },
    verifier(kid, now) {
      const own = current().find((one) => one.kid === kid && isLive(one, now));
      if (own === undefined) throw unknownKey();
      return once(verifiers, own, () => importKey(own, "verify"));
    },
  };
}

/** One HS256 key that was given. */
export function secretRing(secret: Uint8Array): KeyRing {
  const kid = "secret";
  const key = webcrypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
    "verify",
  ]);
  return {
    alg: "HS256",
    signer: () => ({ kid, key }),
    verifier(named) {
      if (named !== kid) throw unknownKey();
      return key;
    },
  };
}

function importKey({ x, d }: SigningKey, use: "sign" | "verify"): Promise<CryptoKey> {
  const jwk = { kty: "OKP", crv: "Ed25519", x, ...(use === "sign" ? { d } : {}) };
  return webcrypto.subtle.importKey("jwk", jwk, "Ed25519", false, [use]);
}

function once<K extends object, V>(made: WeakMap<K, V>, key: K, make: () => V): V {
  const value = made.get(key) ?? make();
  made.set(key, value);
  return value;
}

function unknownKey(): Fault {
  return new Fault("REFUSED", "the access token was signed by another key");
}
