import type { SandboxPolicy } from "../sandbox/types.js";
import type { CommandState } from "./command.js";

/** A known cause of what went wrong, and its cure. The wire contract names the fields and most codes. */
export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly severity: "error" | "warning";
  /** The words of the output that show it. */
  readonly evidence?: string;
  readonly suggested_fix?: string;
  readonly suggested_next_command?: string;
  readonly suggested_server_flag?: string;
}

export type DiagnosticCode =
  | "COMMAND_TIMED_OUT"
  | "OUTPUT_TRUNCATED"
  | "DEV_NULL_DENIED"
  | "DNS_RESOLUTION_FAILED"
  | "JDK_SECURITY_CONFIG_BLOCKED"
  | "TMPDIR_NOT_WRITABLE"
  | "HOME_NOT_WRITABLE"
  | "LANDLOCK_READ_ROOT_BLOCKED"
  | "SANDBOX_WRITE_BLOCKED"
  | "EXECUTABLE_NOT_FOUND"
  | "NETWORK_PERMISSION_REQUIRED"
  | "SHELL_EXPANSION_PERMISSION_REQUIRED"
  | "INLINE_SCRIPT_PERMISSION_REQUIRED"
  | "SECRET_ENV_REJECTED";

export interface CommandFacts {
  readonly state: CommandState;
  /** The end of its output, both streams; enough to find the error it ended with. */
  readonly output: string;
  readonly truncated: boolean;
  readonly timeoutMs: number;
  /** Undefined when commands are not confined: then nothing is the sandbox's doing. */
  readonly policy: SandboxPolicy | undefined;
  /** Home directory as commands see it. */
  readonly home: string;
}

type Place = SandboxPolicy & { readonly seenHome: string };

interface Sign {
  readonly code: DiagnosticCode;
  /** Its first group, where it has one, is a path. */
  readonly pattern: RegExp;
  readonly applies?: (path: string, place: Place) => boolean;
  readonly fix: (path: string, place: Place) => string;
}

// Bounded, so that no output makes the search slow.
const path = String.raw`(?<![^\s:=('"‘])(/[^\s:'"‘’]{0,300})`;
const denied = "[Pp]ermission denied|EACCES|[Oo]peration not permitted";
/** A path before or after an error's words, as libc, shells, Python and Node print it. */
const withPath = (words: string): RegExp =>
  new RegExp(`${path}['"’]?: (?:${words})|(?:${words})[^\\n]{0,80}?['"‘]${path}`);

/** What the sandbox answers with in the place of what it hides. */
const hidden = /^\/(?:home|root|Users|run|mnt|media|srv)(?:\/|$)/;

/** Signs of the sandbox, the most telling first; one sign of a line is enough. */
const signs: readonly Sign[] = [
  {
    code: "DNS_RESOLUTION_FAILED",
    pattern:
      /Could not resolve host|Temporary failure in name resolution|Name or service not known|EAI_AGAIN|getaddrinfo ENOTFOUND|nodename nor servname provided|could not be resolved/,
    fix: (_, { network }) =>
      network === "none" ? networkFix : "check the host's name and the resolver of the machine",
  },
  {
    code: "NETWORK_PERMISSION_REQUIRED",
    pattern: /Network is unreachable|ENETUNREACH|network unreachable/i,
    applies: (_, { network }) => network === "none",
    fix: () => networkFix,
  },
  {
    code: "DEV_NULL_DENIED",
    pattern: new RegExp(`/dev/null['"’]?: (?:${denied})`),
    fix: () => "the null device is missing from the sandbox: let the owner run ctmcpctl doctor",
  },
  {
    code: "JDK_SECURITY_CONFIG_BLOCKED",
    pattern:
      /java\.security[^\n]*(?:[Pp]ermission denied|No such file|[Ee]rror loading)|Error loading java\.security file/,
    fix: () => "let the owner add the JDK's configuration directory to exec.sandbox.read",
  },
  {
    code: "TMPDIR_NOT_WRITABLE",
    pattern: withPath(`${denied}|Read-only file system|EROFS`),
    applies: (at, { tmp }) => isBelow(at, "/tmp") || isBelow(at, tmp),
    fix: () => "write below $TMPDIR",
  },
  {
    code: "HOME_NOT_WRITABLE",
    pattern: withPath(`${denied}|Read-only file system|EROFS`),
    applies: (at, { seenHome }) => isBelow(at, seenHome),
    fix: () => "write below $HOME or the workspace; toolchains in the home directory are read-only",
  },
  {
    code: "SANDBOX_WRITE_BLOCKED",
    pattern: withPath("Read-only file system|EROFS"),
    fix: (at, { root }) =>
      isBelow(at, root)
        ? "git's hooks and configuration are read-only for commands"
        : `write below the workspace, $HOME or $TMPDIR, or let the owner add ${at} to exec.sandbox.write`,
  },
  {
    code: "LANDLOCK_READ_ROOT_BLOCKED",
    pattern: withPath(denied),
    applies: (at, { root }) => !isBelow(at, root),
    fix: readFix,
  },
  {
    code: "LANDLOCK_READ_ROOT_BLOCKED",
    pattern: withPath("No such file or directory|ENOENT"),
    applies: (at, { root, seenHome }) => (hidden.test(at) || isBelow(at, seenHome)) && !isBelow(at, root),
    fix: readFix,
  },
];

const networkFix =
  "commands have no network here: let the owner set exec.sandbox.network: host, or ask with request_permissions";

function readFix(at: string): string {
  return `commands do not see ${at}: work in the workspace, or let the owner add it to exec.sandbox.read`;
}

/** What is known about how a command ended; empty when all is well. */
export function diagnose({ state, output, ...facts }: CommandFacts): readonly Diagnostic[] {
  const { truncated, timeoutMs, policy, home } = facts;
  const found: Diagnostic[] = [];
  if (state.timedOut) {
    found.push({
      code: "COMMAND_TIMED_OUT",
      severity: "error",
      evidence: `stopped after ${timeoutMs} ms`,
      suggested_fix: "call again with a larger timeout_ms",
    });
  }
  if (truncated) {
    found.push({
      code: "OUTPUT_TRUNCATED",
      severity: "warning",
      suggested_fix: "read the rest with the call in next_action",
    });
  }
  if (state.status === "running" || state.exitCode === 0) return found;
  const missing = missingProgram(state, output);
  if (missing !== undefined) found.push(missing);
  return policy === undefined ? found : [...found, ...signsOf(output, { ...policy, seenHome: home })];
}

function signsOf(output: string, place: Place): Diagnostic[] {
  const told = new Set<string>();
  const found: Diagnostic[] = [];
  for (const { code, pattern, applies, fix } of signs) {
    const match = pattern.exec(output);
    const at = match?.[1] ?? match?.[2] ?? "";
    if (match === null || told.has(match[0]) || applies?.(at, place) === false) continue;
    told.add(match[0]);
    found.push({ code, severity: "error", evidence: match[0], suggested_fix: fix(at, place) });
  }
  return found;
}

function missingProgram({ exitCode }: CommandState, output: string): Diagnostic | undefined {
  const match = /([^\s:]{1,200}): (?:command )?not found/.exec(output);
  if (exitCode !== 127 && match === null) return undefined;
  const name = match?.[1];
  return {
    code: "EXECUTABLE_NOT_FOUND",
    severity: "error",
    ...(match && { evidence: match[0] }),
    suggested_fix: `${name ?? "the program"} is not on PATH: install it, name it by its path, or let the owner set the workspace's path`,
    suggested_next_command: 'echo "$PATH"',
  };
}

/** The diagnostic of a command that was refused for want of `permission`. */
export function refusalDiagnostic(permission: unknown): Diagnostic | undefined {
  const code = refusals.get(String(permission));
  if (code === undefined) return undefined;
  const fix =
    code === "SECRET_ENV_REJECTED"
      ? "leave the variable out, or let the owner set it in the workspace's env"
      : "ask with request_permissions, or let the owner choose exec.permission_mode: trusted";
  const flag = code === "SECRET_ENV_REJECTED" ? {} : { suggested_server_flag: serverFlag(code) };
  return { code, severity: "error", suggested_fix: fix, ...flag };
}

const refusals: ReadonlyMap<string, DiagnosticCode> = new Map([
  ["network", "NETWORK_PERMISSION_REQUIRED"],
  ["shell_expansion", "SHELL_EXPANSION_PERMISSION_REQUIRED"],
  ["inline_script", "INLINE_SCRIPT_PERMISSION_REQUIRED"],
  ["sensitive_env", "SECRET_ENV_REJECTED"],
]);

function serverFlag(code: DiagnosticCode): string {
  const trusted = "--permission-mode trusted";
  return code === "NETWORK_PERMISSION_REQUIRED" ? `--allow-network or ${trusted}` : trusted;
}

function isBelow(at: string, dir: string): boolean {
  return at === dir || at.startsWith(`${dir}/`);
}
