import { hash, randomBytes, randomInt, scrypt, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import { createGate } from "../limits/gate.js";
import { checkedBy } from "../state/schema-check.js";
import { type OnDamaged, openStateFile } from "../state/state-file.js";
import type { PasswordHash, PasswordState } from "./password-schema.js";
import { validateOwnerPassword } from "./validators.js";

/** Characters. A longer text is wrong without being looked at, a shorter one is not accepted as a new password. */
const longest = 1024;
const shortest = 8;
/** Without the letters that are taken for one another or for digits. */
const alphabet = "abcdefghijkmnpqrstuvwxyz";

/** What a guess costs: about 0.4 s and 32 MiB. */
const defaultCost = { N: 2 ** 15, r: 8, p: 3 };
const keyBytes = 32;

export interface PasswordOptions {
  readonly stateDir: string;
  readonly uid: number;
  readonly clock: Clock;
  readonly onDamaged: OnDamaged;
  /** Parameters of scrypt for new passwords; default: 2^15, 8, 3. */
  readonly cost?: Pick<PasswordHash, "N" | "r" | "p">;
}

/** The owner's password. White space around what was typed does not count, nor does how its accents are composed. */
export interface Password {
  isSet(): boolean;
  /**
   * True for the password in force. Costs the same when none is set, which is never true.
   *
   * @throws Fault SERVER_BUSY when two are being verified and eight more wait.
   */
  verify(text: string, signal?: AbortSignal): Promise<boolean>;
  /**
   * Puts another password in force, 8 to 1024 characters.
   *
   * @throws Fault REFUSED for another length.
   */
  set(text: string): Promise<void>;
  /** Makes a password with `generatePassword`, puts it in force and returns it; nothing else can show it again. */
  replace(): Promise<string>;
}

/** Opens `owner-password.json` in the state directory, which holds an scrypt hash. Faults as for every state file. */
export async function openPassword(options: PasswordOptions): Promise<Password> {
  const { stateDir, cost = defaultCost, ...rest } = options;
  const file = await openStateFile<PasswordState>({
    ...rest,
    path: join(stateDir, "owner-password.json"),
    version: 1,
    validate: checkedBy(validateOwnerPassword),
    empty: () => ({ scrypt: null }),
  });
  // Guesses must not take the machine's memory, nor keep the owner from changing the password.
  const gate = createGate({ width: 2, queue: 8 });
  const never = new AbortController().signal;
  const standIn = blank(cost);

  return {
    isSet: () => file.current().scrypt !== null,
    async verify(text, signal = never) {
      if (text.length > longest) return false;
      const kept = file.current().scrypt;
      const expected = kept ?? standIn;
      const key = await gate.run({ key: "guess", signal, work: () => derive(text, expected) });
      return timingSafeEqual(key, Buffer.from(expected.key, "hex")) && kept !== null;
    },
    set,
    async replace() {
      const password = generatePassword();
      await set(password);
      return password;
    },
  };

  async function set(text: string): Promise<void> {
    const { length } = normalise(text);
    if (length < shortest || length > longest) {
      throw new Fault("REFUSED", `a password has ${shortest} to ${longest} characters, this one ${length}`);
    }
    const fresh = blank(cost);
    const key = await gate.run({ key: "owner", signal: never, work: () => derive(text, fresh) });
    await file.update((draft) => {
      draft.scrypt = { ...fresh, key: key.toString("hex") };
    });
  }
}

/**
 * A password from the environment or the configuration. It is compared by its digest and never stored, so `set` and
 * `replace` throw Fault REFUSED.
 *
 * @throws Fault CONFIG_INVALID for white space alone.
 */
export function givenPassword(given: string): Password {
  const expected = digest(given);
  if (normalise(given) === "") throw new Fault("CONFIG_INVALID", "the given password is empty");
  return {
    isSet: () => true,
    verify: async (text) => text.length <= longest && timingSafeEqual(digest(text), expected),
    set: refuse,
    replace: refuse,
  };
}

async function refuse(): Promise<never> {
  throw new Fault("REFUSED", "the password is given from outside", {
    hint: "change it in the environment or the configuration it comes from",
  });
}

/** A hash of nothing yet: a new salt and room for the key. */
function blank(cost: Pick<PasswordHash, "N" | "r" | "p">): PasswordHash {
  return { ...cost, salt: randomBytes(16).toString("hex"), key: "00".repeat(keyBytes) };
}

function derive(text: string, { N, r, p, salt, key }: PasswordHash): Promise<Buffer> {
  // What the algorithm needs is 128 * r * (N + p) bytes, which is just above node's own limit.
  const options = { N, r, p, maxmem: 256 * r * (N + p) };
  return new Promise((resolve, reject) => {
    scrypt(normalise(text), Buffer.from(salt, "hex"), key.length / 2, options, (error, derived) => {
      if (error === null) resolve(derived);
      else reject(error);
    });
  });
}

function digest(text: string): Buffer {
  return hash("sha256", normalise(text), "buffer");
}

/** Keyboards of phones add a space after a word, and systems differ in how they compose accents. */
function normalise(text: string): string {
  return text.normalize("NFC").trim();
}

/** A password of 92 random bits in four groups of five letters: short enough to type on a phone. */
export function generatePassword(): string {
  const group = (): string => Array.from({ length: 5 }, () => alphabet[randomInt(alphabet.length)]).join("");
  return Array.from({ length: 4 }, group).join("-");
}
