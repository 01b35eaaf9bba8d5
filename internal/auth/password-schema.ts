import { recordOf } from "../state/schema-check.js";

/** scrypt (RFC 7914) with its parameters, so that a later program can ask for more. */
export interface PasswordHash {
  N: number;
  r: number;
  p: number;
  /** Hex. */
  salt: string;
  key: string;
}

/** `owner-password.json` in the state directory. */
export interface PasswordState {
  scrypt: PasswordHash | null;
}

const hex = { type: "string", pattern: "^(?:[0-9a-f]{2}){16,64}$" };

/** The upper limits keep a damaged file from taking the machine's memory. */
export const passwordSchema: object = recordOf<PasswordState>({
  scrypt: {
    nullable: true,
    ...recordOf<PasswordHash>({
      N: { type: "integer", minimum: 2 ** 14, maximum: 2 ** 18 },
      r: { type: "integer", minimum: 1, maximum: 16 },
      p: { type: "integer", minimum: 1, maximum: 16 },
      salt: hex,
      key: hex,
    }),
  },
});
