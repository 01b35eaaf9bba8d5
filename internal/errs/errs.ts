/**
 * The one error type of the product. Callers match on `code`, never on the text; the text is for the person
 * (or the model) who reads it: lowercase, names the value, says what to do next in `hint`.
 */

/** Codes a tool may answer with; the wire contract freezes their names. */
export const toolErrors = {
  INVALID_ARGUMENT: { category: "validation", retryable: false },
  BINARY_FILE: { category: "validation", retryable: false },
  IS_DIRECTORY: { category: "validation", retryable: false },
  NOT_A_DIRECTORY: { category: "validation", retryable: false },
  UNSUPPORTED_ENCODING: { category: "validation", retryable: false },
  OUTPUT_TOO_LARGE: { category: "validation", retryable: false },
  PATCH_FAILED: { category: "validation", retryable: false },
  PATCH_CONTEXT_NOT_FOUND: { category: "validation", retryable: true },
  PATCH_CONTEXT_AMBIGUOUS: { category: "validation", retryable: true },
  PATCH_HUNKS_OVERLAP: { category: "validation", retryable: false },
  PATCH_CONFLICT: { category: "conflict", retryable: true },
  PATCH_ROLLBACK_FAILED: { category: "internal", retryable: false },
  ABSOLUTE_PATH_DENIED: { category: "security", retryable: false },
  PATH_OUTSIDE_WORKSPACE: { category: "security", retryable: false },
  SYMLINK_ESCAPE: { category: "security", retryable: false },
  SANDBOX_UNAVAILABLE: { category: "security", retryable: false },
  PERMISSION_REQUIRED: { category: "permission", retryable: false },
  NOT_FOUND: { category: "not_found", retryable: false },
  COMMAND_NOT_FOUND: { category: "not_found", retryable: false },
  REQUEST_CONFLICT: { category: "conflict", retryable: false },
  COMMAND_CLOSED: { category: "runtime", retryable: false },
  COMMAND_LIMIT_REACHED: { category: "runtime", retryable: true },
  CANCELLED: { category: "runtime", retryable: true },
  RATE_LIMITED: { category: "runtime", retryable: true },
  SERVER_BUSY: { category: "runtime", retryable: true },
  AUDIT_UNAVAILABLE: { category: "runtime", retryable: true },
  GIT_ERROR: { category: "runtime", retryable: false },
  SEARCH_FAILED: { category: "runtime", retryable: false },
  TTY_UNSUPPORTED: { category: "runtime", retryable: false },
  INTERNAL_ERROR: { category: "internal", retryable: false },
} as const satisfies Record<string, { category: string; retryable: boolean }>;

/** Codes of the daemon and its programs, each with the exit code a program ends with (sysexits where one fits). */
export const programErrors = {
  FAILED: 1,
  USAGE: 2,
  DAEMON_UNREACHABLE: 3,
  UNHEALTHY: 4,
  REFUSED: 5,
  ADDRESS_IN_USE: 69,
  ALREADY_RUNNING: 69,
  PERMISSION: 77,
  CONFIG_MISSING: 78,
  CONFIG_INVALID: 78,
} as const satisfies Record<string, number>;

export type ToolErrorCode = keyof typeof toolErrors;
export type ProgramErrorCode = keyof typeof programErrors;
export type ErrorCode = ToolErrorCode | ProgramErrorCode;

export interface FaultOptions {
  /** What to do next, one sentence. */
  readonly hint?: string;
  /** Machine-readable facts; sent to clients, so never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** An expected failure with a stable code. Anything else that is thrown is a bug and is reported with its stack. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}

/** True when `code` is one that tools answer with. */
export function isToolErrorCode(code: string): code is ToolErrorCode {
  return Object.hasOwn(toolErrors, code);
}

/** The exit code a program ends with after `error`: the table's, or 1 for anything that is not a Fault. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof Fault)) return 1;
  return isToolErrorCode(error.code) ? 1 : programErrors[error.code];
}

/** The errno name (`ENOENT`, ...) of a system error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** One line that says what went wrong, for logs and replies; a bug's message without its stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
