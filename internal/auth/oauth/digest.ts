import { Buffer } from "node:buffer";
import { hash, timingSafeEqual } from "node:crypto";

/** SHA-256 of a text, in hex: how a secret is kept. */
export function sha256Hex(text: string): string {
  return hash("sha256", text, "hex");
}

/** Compares two texts in a time that tells neither where they differ nor how long they are. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(sha256Hex(a)), Buffer.from(sha256Hex(b)));
}
