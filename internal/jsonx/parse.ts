import { Buffer, isUtf8 } from "node:buffer";
import { Fault } from "../errs/errs.js";

/** Deeper documents cost the parser far more than they could mean (a million levels stall it for a third of a second). */
const maxDepth = 64;
/** Keys that reach an object's prototype when code copies or merges what it was sent. */
const forbiddenKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
/** Text that cannot hold a forbidden key: neither spelled out nor through an escape. */
const suspicious = /__proto__|constructor|prototype|\\u/;

/** Why a document was refused; stands in the Fault's `details.reason`. */
export type JsonRefusal = "encoding" | "syntax" | "depth" | "forbidden_key";

/**
 * Parses one JSON document (RFC 8259) from bytes nobody vouches for. Refused with Fault INVALID_ARGUMENT and a
 * `details.reason` of type JsonRefusal: bytes that are not UTF-8, bad syntax (a byte order mark included), more than 64
 * levels, and a key named `__proto__`, `constructor` or `prototype`. The same words in string values are fine.
 * The caller bounds the size.
 */
export function parseJson(bytes: Uint8Array): unknown {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isUtf8(buffer)) throw refusal("encoding", "the text is not valid utf-8");
  if (mayBeDeep(buffer) && isDeep(buffer)) throw refusal("depth", `more than ${maxDepth} nested levels`);
  const text = buffer.toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refusal("syntax", "the text is not valid json");
  }
  if (suspicious.test(text)) refuseForbiddenKeys(value);
  return value;
}

/** False when there are too few opening brackets for the depth limit: the usual case, answered without a byte loop. */
function mayBeDeep(bytes: Buffer): boolean {
  let openings = 0;
  for (const bracket of [0x5b, 0x7b]) {
    for (let at = bytes.indexOf(bracket); at !== -1; at = bytes.indexOf(bracket, at + 1)) {
      if (++openings > maxDepth) return true;
    }
  }
  return false;
}

/** Counts levels before parsing. Right for valid documents; for the others it only has to end. */
function isDeep(bytes: Buffer): boolean {
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === 0x22) at = endOfString(bytes, at);
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > maxDepth) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return false;
}

/** Position of the quote that closes the string opened at `start`, or the end of the bytes. */
function endOfString(bytes: Buffer, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    if (bytes[at] === 0x5c) at++;
    else if (bytes[at] === 0x22) return at;
  }
  return bytes.length;
}

/** Recursion is safe here: the depth is known to be small. */
function refuseForbiddenKeys(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) refuseForbiddenKeys(item);
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    if (forbiddenKeys.has(key)) throw refusal("forbidden_key", `the key ${key} is not allowed`);
    refuseForbiddenKeys(item);
  }
}

function refusal(reason: JsonRefusal, message: string): Fault {
  return new Fault("INVALID_ARGUMENT", message, { details: { reason } });
}
