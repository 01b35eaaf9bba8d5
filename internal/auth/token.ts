import { randomBytes } from "node:crypto";

/** A new secret: 32 random bytes as 43 characters of base64url. */
export function generateToken(random: (size: number) => Buffer = randomBytes): string {
  return random(32).toString("base64url");
}
