import type { PermissionMode } from "../config/config.js";

/** What a call may need beyond what its mode gives; the wire contract fixes these names. */
export type Permission =
  | "filesystem_escape"
  | "privileged_executable"
  | "sensitive_env"
  | "inline_script"
  | "shell_expansion"
  | "destructive_command"
  | "network"
  | "long_timeout"
  | "write_generated_or_ignored";

/** The permissions a client may ask for. What lies outside the workspace is no question of a permission: the sandbox does not hold it. */
export const requestable = [
  "network",
  "destructive_command",
  "long_timeout",
  "sensitive_env",
  "shell_expansion",
  "inline_script",
  "privileged_executable",
  "write_generated_or_ignored",
] as const satisfies readonly Permission[];

/** One thing about a command that a mode may refuse. */
export interface Finding {
  readonly permission: Permission;
  /** Lowercase, names what was found. */
  readonly message: string;
  /** `path` or `env_keys` where they apply. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface CheckContext {
  readonly mode: PermissionMode;
  /** Real, absolute path of the workspace. */
  readonly root: string;
  /** Where the command starts, relative to the root. */
  readonly cwd: string;
  /** What `~` and `$HOME` are for the command; undefined: outside every allowed place. */
  readonly home: string | undefined;
  /** Absolute paths besides the workspace that arguments may name: what the sandbox shows to commands. */
  readonly allowedPaths: readonly string[];
  /** The PATH that the command will have; decides which executable a name means. */
  readonly searchPath: string;
  /** The variables that the call asks for. */
  readonly env: Readonly<Record<string, string>>;
  /** The call feeds text to the command's standard input. */
  readonly stdin: boolean;
  /** The configuration gives commands the network. */
  readonly allowNetwork: boolean;
}
