import { generateKeyPairSync, randomBytes } from "node:crypto";
import { join } from "node:path";
import type { JWTPayload } from "jose";
import type { Clock } from "../../clock/clock.js";
import { Fault } from "../../errs/errs.js";
import { checkedBy } from "../../state/schema-check.js";
import { type OnDamaged, openStateFile } from "../../state/state-file.js";
import { validateSigningKeys } from "../validators.js";
import { fileRing, isLive, secretRing } from "./key-ring.js";
import type { KeyState, SigningKey } from "./key-schema.js";

/** Bytes that HS256 asks of a secret (RFC 7518 section 3.2). */
const secretBytes = 32;

export interface KeysOptions {
  readonly stateDir: string;
  readonly uid: number;
  readonly clock: Clock;
  readonly random?: (size: number) => Buffer;
  /** Signs with HS256 and this secret of 32 bytes or more instead of a key of our own. */
  readonly secret?: Uint8Array;
  readonly onDamaged: OnDamaged;
}

export interface Expected {
  readonly issuer: string;
  readonly audience: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface Keys {
  /** An access token (RFC 9068: typ `at+jwt`) with these claims, signed by the key in force. */
  sign(payload: JWTPayload): Promise<string>;
  /**
   * The claims of an access token that one of the keys signed, with this issuer and audience and not yet expired. An
   * `iat` in the future is no error: a clock that is set back must not end tokens.
   *
   * @throws Fault REFUSED for any other token.
   */
  verify(token: string, expected: Expected): Promise<JWTPayload>;
  /** 32 bytes each, for refresh tokens and for forms. To be read at each use: `rotate` may replace them. */
  readonly refreshKey: Buffer;
  readonly pageKey: Buffer;
  /**
   * Signs with a new key from now on. The old one is accepted for `overlapS` seconds more. With 0 all that was made
   * with the old file ends at once, refresh tokens and open forms included, as after a theft.
   *
   * @throws Fault REFUSED when the secret was given; PERMISSION or FAILED when the file cannot be written, and then
   * nothing has changed.
   */
  rotate(options: { readonly overlapS: number }): Promise<void>;
}

/**
 * The keys in `signing-keys.json` in the state directory, made at first use.
 *
 * @throws Fault CONFIG_INVALID for a short `secret`, and what every state file throws.
 */
export async function openKeys(options: KeysOptions): Promise<Keys> {
  const { stateDir, uid, clock, random = randomBytes, secret, onDamaged } = options;
  if (secret !== undefined && secret.length < secretBytes) {
    throw new Fault("CONFIG_INVALID", `the token secret has ${secret.length} bytes`, {
      hint: `give it ${secretBytes} bytes or more, or none to have a key made`,
    });
  }
  const file = await openStateFile<KeyState>({
    path: join(stateDir, "signing-keys.json"),
    uid,
    version: 1,
    validate: checkedBy(validateSigningKeys),
    empty: () => ({ signing: [], refreshKey: newKey(), pageKey: newKey() }),
    clock,
    onDamaged,
  });
  await file.update((draft) => {
    if (secret !== undefined) return;
    draft.signing = draft.signing.filter((signing) => isLive(signing, clock.now()));
    if (!draft.signing.some(({ until }) => until === null)) draft.signing.push(newSigningKey());
  });
  const ring = secret === undefined ? fileRing(() => file.current().signing) : secretRing(secret);

  return {
    async sign(payload) {
      const { SignJWT } = await import("jose");
      const { kid, key } = ring.signer();
      return new SignJWT(payload).setProtectedHeader({ alg: ring.alg, kid, typ: "at+jwt" }).sign(await key);
    },
    async verify(token, { issuer, audience, now }) {
      const { jwtVerify, errors } = await import("jose");
      try {
        const { payload } = await jwtVerify(token, ({ kid }) => ring.verifier(kid, now), {
          // One algorithm for each kind of key, whatever the token says (RFC 8725 section 3.1).
          algorithms: [ring.alg],
          typ: "at+jwt",
          issuer,
          audience,
          requiredClaims: ["exp"],
          currentDate: new Date(now),
        });
        return payload;
      } catch (error) {
        if (!(error instanceof errors.JOSEError)) throw error;
        throw new Fault("REFUSED", `the access token is not valid: ${error.code}`, { cause: error });
      }
    },
    get refreshKey() {
      return Buffer.from(file.current().refreshKey, "base64url");
    },
    get pageKey() {
      return Buffer.from(file.current().pageKey, "base64url");
    },
    async rotate({ overlapS }) {
      if (secret !== undefined) {
        throw new Fault("REFUSED", "the signing key comes from the environment", {
          hint: "restart the program with another secret in its environment",
        });
      }
      const now = clock.now();
      await file.update((draft) => {
        const until = now + overlapS * 1000;
        const old = draft.signing.map((one) => ({ ...one, until: Math.min(one.until ?? until, until) }));
        draft.signing = [...old.filter((one) => isLive(one, now)), newSigningKey()];
        if (overlapS > 0) return;
        draft.refreshKey = newKey();
        draft.pageKey = newKey();
      });
    },
  };

  function newKey(): string {
    return random(32).toString("base64url");
  }

  function newSigningKey(): SigningKey {
    const { x, d } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
    return {
      kid: random(9).toString("base64url"),
      createdAt: clock.now(),
      until: null,
      x: String(x),
      d: String(d),
    };
  }
}
