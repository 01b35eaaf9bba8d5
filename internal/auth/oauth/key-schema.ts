import { recordOf } from "../../state/schema-check.js";

/** An Ed25519 key (RFC 8037). */
export interface SigningKey {
  kid: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** Replaced, and good for verifying until then; null: the one that signs. */
  until: number | null;
  /** Public and private half in base64url. */
  x: string;
  d: string;
}

/** `signing-keys.json` in the state directory. */
export interface KeyState {
  signing: SigningKey[];
  /** 32 bytes in base64url. */
  refreshKey: string;
  pageKey: string;
}

const key = { type: "string", pattern: "^[A-Za-z0-9_-]{43}$" };

export const keySchema: object = recordOf<KeyState>({
  signing: {
    type: "array",
    items: recordOf<SigningKey>({
      kid: { type: "string" },
      createdAt: { type: "number" },
      until: { type: "number", nullable: true },
      x: key,
      d: key,
    }),
  },
  refreshKey: key,
  pageKey: key,
});
