import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { Fault, messageOf } from "../errs/errs.js";
import { readSecretFile } from "../fsx/secret.js";
import { systemProgram } from "../fsx/system-program.js";
import type { Path } from "./document.js";
import { keyName } from "./explain.js";
import type { ResolveContext } from "./resolve.js";

/** Where a secret is kept, and under which name. */
export interface Keeper {
  readonly kind: "credential" | "keychain";
  readonly name: string;
}

/** `${credential:NAME}` or `${keychain:NAME}` and nothing else. */
export function keeperOf(text: string): Keeper | undefined {
  const [, kind, name] = /^\$\{(credential|keychain):([A-Za-z0-9_.-]+)\}$/.exec(text) ?? [];
  return name === undefined ? undefined : { kind: kind as Keeper["kind"], name };
}

/** The secret that is kept there; undefined after reporting a problem. */
export function fetchSecret(keeper: Keeper, at: Path, context: ResolveContext): string | undefined {
  return keeper.kind === "credential"
    ? readCredential(keeper.name, at, context)
    : readKeychain(keeper.name, at, context);
}

/** What systemd hands to the service alone: LoadCredential= in systemd.exec(5). */
function readCredential(name: string, at: Path, context: ResolveContext): string | undefined {
  const { env, uid, isInspection } = context;
  const folder = env.CREDENTIALS_DIRECTORY;
  if (!folder) {
    const message = `${keyName(at)} needs the credential ${name}, which only the service is given`;
    if (isInspection) context.warning(at, message, "nothing to do if the service has it");
    else context.problem(at, message, `start the daemon as a service with LoadCredential=${name}:FILE`);
    return undefined;
  }
  try {
    // systemd keeps it root's, and grants the service's user to read it by an access control list.
    const secret = readSecretFile(join(folder, name), { uid, access: "granted" });
    if (secret === undefined)
      context.problem(
        at,
        `the service has no credential ${name}`,
        `add LoadCredential=${name}:FILE to its unit`,
      );
    return secret;
  } catch (error) {
    return void context.problem(at, messageOf(error), error instanceof Fault ? error.hint : undefined);
  }
}

/** A generic password of macOS, by its service name (security(1)). Has been run with a stand-in for `security` only. */
function readKeychain(name: string, at: Path, context: ResolveContext): string | undefined {
  const { home, security = systemProgram("security") } = context;
  const asked =
    security &&
    spawnSync(security, ["find-generic-password", "-w", "-s", name], {
      encoding: "utf8",
      env: { HOME: home },
      timeout: 10_000,
    });
  const secret = asked && asked.status === 0 ? asked.stdout.trim() : "";
  if (secret !== "") return secret;
  const isAsked = asked && asked.error === undefined;
  const why = isAsked ? `the keychain gives no password for ${name}` : "the program security cannot be run";
  const hint = `put it there: security add-generic-password -a "$USER" -s ${name} -w`;
  return void context.problem(at, `${keyName(at)}: ${why}`, hint);
}
