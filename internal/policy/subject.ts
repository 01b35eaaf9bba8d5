import { createHash } from "node:crypto";
import { looksSecret } from "./environment.js";

/** The one thing an approval is about: this call, by this client, in this workspace. */
export interface Subject {
  readonly tool: string;
  /** The arguments of the call; defaults need not be filled in. */
  readonly args: Readonly<Record<string, unknown>>;
  readonly workspace: string;
  /** Id of the principal who calls. */
  readonly caller: string;
}

/**
 * Names a subject by a hash of everything that decides what the call does. Arguments that only shape its answer, such
 * as `yield_time_ms`, are left out, so that a repeated call may change them.
 */
export function digestOf({ tool, args, workspace, caller }: Subject): string {
  const bound = JSON.stringify([tool, workspace, caller, boundArguments(tool, args)]);
  return createHash("sha256").update(bound).digest("hex");
}

/**
 * What whoever answers is shown of the call: the command line, or the patch, and everything else that decides what it
 * does. Values that look secret are left out.
 */
export function summaryOf({ tool, args }: Subject): string {
  if (tool !== "exec_command") return asText(args.patch);
  const { cmd, folder, env, stdin } = boundCommand(args);
  const variables = typeof env === "object" && env !== null ? Object.entries(env) : [];
  return [
    asText(cmd),
    ...(folder === "." ? [] : [`in folder ${asText(folder)}`]),
    ...variables.map(([name, value]) => {
      const text = asText(value);
      return `with ${name}=${looksSecret(name, text) ? "***" : text}`;
    }),
    ...(stdin === "" ? [] : [`with standard input: ${asText(stdin)}`]),
  ].join("\n");
}

/** Arguments that are only asked about may be anything: `String` fails for an object whose toString is no function. */
export function asText(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : JSON.stringify(value);
}

function boundCommand({ cmd, workdir, cwd, env = {}, stdin = "" }: Subject["args"]) {
  return { cmd, folder: cwd ?? workdir ?? ".", env, stdin };
}

function boundArguments(tool: string, args: Subject["args"]): unknown {
  return sorted(tool === "exec_command" ? boundCommand(args) : args);
}

/** The same value with the keys of every object in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
}
