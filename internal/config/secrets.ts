import { Fault, messageOf } from "../errs/errs.js";
import { readSecretFile } from "../fsx/secret.js";
import type { Path } from "./document.js";
import { keyName } from "./explain.js";
import { fetchSecret, keeperOf } from "./keepers.js";
import type { References } from "./references.js";
import type { ResolveContext } from "./resolve.js";

export interface SecretSource {
  /** The mapping that holds both keys. */
  readonly section: string;
  /** The key of the reference; that of the file ends in `_file`. */
  readonly name: "token" | "password";
  /** What stands there. */
  readonly raw: { readonly [key in "token" | "password" | "token_file" | "password_file"]?: string };
  /** What to do without the file. */
  readonly without: string;
}

export interface Secret {
  /** Where the key that gives it stands. */
  readonly at: Path;
  /** Absolute path of its file, if it is kept in one. */
  readonly file: string | undefined;
  readonly value: string | undefined;
}

/** Reads `SECTION.NAME` or `SECTION.NAME_file`; both are too many. The secret itself is never part of a report. */
export function resolveSecret(
  { section, name, raw, without }: SecretSource,
  references: References,
  context: ResolveContext,
): Secret {
  const inline = [section, name];
  const inFile = [section, `${name}_file`];
  const file = references.path(inFile, raw[`${name}_file`]);
  const text = raw[name];
  const keeper = text === undefined ? undefined : keeperOf(text);
  const value = keeper ? fetchSecret(keeper, inline, context) : references.value(inline, text);
  if (raw[name] !== undefined && raw[`${name}_file`] !== undefined) {
    context.problem(
      inline,
      `${keyName(inline)} and ${keyName(inFile)} are both given`,
      "keep one of the two",
    );
  }
  const found =
    file === undefined
      ? { at: inline, file, value }
      : { at: inFile, file, value: read(inFile, file, without, context) };
  if (found.value !== undefined) context.onSecret?.(found.value);
  return found;
}

function read(at: Path, file: string, without: string, { uid, problem }: ResolveContext): string | undefined {
  try {
    const secret = readSecretFile(file, { uid });
    if (secret === undefined) problem(at, `${file} does not exist`, without);
    return secret;
  } catch (error) {
    return void problem(at, messageOf(error), error instanceof Fault ? error.hint : undefined);
  }
}
