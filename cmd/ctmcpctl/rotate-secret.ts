import type { RotateReport, SecretKind } from "../../internal/admin/types.js";
import type { Context } from "./context.js";

/**
 * Makes new secrets and prints those that people need. A single one stands alone on stdout, so that it can be piped
 * into a password store; what goes on working and what does not is a remark on stderr.
 */
export async function run({ args, flags, client, answer, remark }: Context): Promise<number> {
  const { revoke = false } = flags;
  // The parser has checked it against its choices.
  const report = await client.rotateSecret({ kind: args[0] as SecretKind | undefined, revoke });
  answer(report, describe);
  for (const line of remarks(report, revoke)) remark(line);
  return 0;
}

function describe({ secrets }: RotateReport): string {
  const made = Object.entries(secrets);
  if (made.length === 0) return "a new signing key is in use";
  return made.length === 1 ? (made[0]?.[1] ?? "") : made.map((pair) => pair.join(": ")).join("\n");
}

function remarks({ secrets, revoked, old_key_ends_at: keyEndsAt }: RotateReport, revoke: boolean): string[] {
  const signInChanged = secrets.password !== undefined || keyEndsAt !== null;
  return [
    ...(secrets.password === undefined
      ? []
      : ["from now on this password signs clients in; it is not shown again"]),
    ...(secrets.bearer === undefined
      ? []
      : ["the old bearer token no longer works; clients that use it must be given this one"]),
    ...(keyEndsAt === null ? [] : [`access tokens made with the old key work until ${keyEndsAt}`]),
    ...(revoke ? [signedOut(revoked)] : signInChanged ? ["clients that are signed in go on working"] : []),
  ];
}

function signedOut(number: number): string {
  return number === 0 ? "no client was signed in" : `clients signed out: ${number}; they must sign in again`;
}
