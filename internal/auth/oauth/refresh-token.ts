import { createHmac } from "node:crypto";
import { sameText } from "./digest.js";

/** What a refresh token says: it is nothing but a grant's id and a number, sealed. */
export interface RefreshClaim {
  readonly grantId: string;
  /** Which refresh token of the grant it is, from 1. */
  readonly generation: number;
}

const shape = /^ctr\.([\w-]{1,64})\.([1-9]\d{0,14})\.[\w-]{43}$/;

/**
 * The refresh token of one generation of a grant: `ctr.<grant>.<generation>.<HMAC-SHA256>`. The same claim gives the same
 * token, so none is ever stored, and an answer that got lost can be given again.
 */
export function refreshToken(key: Uint8Array, { grantId, generation }: RefreshClaim): string {
  const claim = `${grantId}.${generation}`;
  return `ctr.${claim}.${createHmac("sha256", key).update(claim).digest("base64url")}`;
}

/** What `text` claims; undefined unless it is exactly a token that `refreshToken` made with `key`. */
export function readRefreshToken(key: Uint8Array, text: string): RefreshClaim | undefined {
  const [, grantId, number] = shape.exec(text) ?? [];
  if (grantId === undefined) return undefined;
  const claim = { grantId, generation: Number(number) };
  // Whole texts are compared: base64url has several spellings of one MAC.
  return sameText(refreshToken(key, claim), text) ? claim : undefined;
}
