import type { Writable } from "node:stream";

/**
 * How well commands are confined, proven by probes and never assumed.
 * `strong`: namespaces and the system call filter. `namespaces`: without the filter. `filesystem-only`: files are held,
 * but not all of the rest. `none`: nothing is held.
 */
export type SandboxLevel = "strong" | "namespaces" | "filesystem-only" | "none";

/** One forbidden act, tried from inside. `held`: refused; `open`: it succeeded; `error`: it could not be tried, which proves nothing. */
export interface Probe {
  readonly name: string;
  readonly outcome: "held" | "open" | "error";
  readonly detail: string;
}

export interface SandboxStatus {
  readonly level: SandboxLevel;
  readonly probes: readonly Probe[];
  /** ISO 8601. */
  readonly checkedAt: string;
  /** Why it is not strong, and what to install or change; undefined when it is. */
  readonly reason: string | undefined;
}

/** What the commands of one workspace may reach. All paths are absolute; those that do not exist are left out. */
export interface SandboxPolicy {
  readonly id: string;
  /** The workspace: a real path, bound at the same place. */
  readonly root: string;
  /** The workspace cannot be written; for git's read tools. */
  readonly readOnly: boolean;
  /** `none`: a loopback of its own, shared by the commands of this policy and nobody else. */
  readonly network: "none" | "host";
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** Hidden: other workspaces, the state and runtime directories, the configuration file. The most specific path wins. */
  readonly masks: readonly string[];
  /** Lasting directories, made when missing: seen by commands as the user's home, /tmp and ~/.cache. */
  readonly home: string;
  readonly tmp: string;
  readonly cache: string;
  /** PATH of the commands; its directories are made visible. */
  readonly path: string;
  /** The rest of the environment; commands see nothing of the daemon's own. */
  readonly env: Readonly<Record<string, string>>;
}

export interface StartRequest {
  /** Shell text, run by bash (sh where there is no bash). */
  readonly cmd: string;
  /** Relative to the root; "" or "." is the root. */
  readonly cwd: string;
  /** Further variables; their names must be shell identifiers. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs on a terminal of this size. */
  readonly tty?: { readonly cols: number; readonly rows: number };
  /** Ends the start; a process that has started lives on. */
  readonly signal: AbortSignal;
}

export interface ProcessExit {
  /** As a shell reports it: a program that died of signal n without our asking shows as 128 + n. Null after `signal`. */
  readonly code: number | null;
  /** The signal it ended by: one sent with `kill`, or SIGKILL when its sandbox went away. */
  readonly signal: string | null;
}

/** What a program writes. As long as nobody reads, it waits once its pipe is full. */
export interface Output {
  /**
   * From now on `take` gets each piece as it comes; a later call takes over. The bytes are the callee's only during the
   * call: the next piece comes in the same memory. Resolves when the output has ended or was closed; never rejects.
   */
  read(take: (bytes: Buffer) => void): Promise<void>;
  /** Until the next `read`. */
  pause(): void;
  /** Lets go of it. */
  close(): void;
}

export interface RunningProcess {
  readonly stdin: Writable;
  /** With a terminal: everything the command writes, and stderr is empty. */
  readonly stdout: Output;
  readonly stderr: Output;
  /** Never rejects. What the command wrote may still be unread when it resolves. */
  readonly exit: Promise<ProcessExit>;
  /** Signals the command's process group; KILL ends every process of its sandbox. Nothing happens after the exit. */
  kill(signal: "TERM" | "KILL" | "INT"): void;
  /** Without a terminal nothing happens. */
  resize(cols: number, rows: number): void;
}

export interface Sandbox {
  /** The outcome of the last self-test; level `none` before the first. */
  status(): SandboxStatus;
  /** Tries about ten forbidden acts from inside a real sandbox. Never rejects. */
  selfTest(): Promise<SandboxStatus>;
  /** @throws Fault SANDBOX_UNAVAILABLE, TTY_UNSUPPORTED, INVALID_ARGUMENT; the signal's reason when it fires. */
  start(policy: SandboxPolicy, request: StartRequest): Promise<RunningProcess>;
  /** Kills every process of this policy, and forgets it. */
  retire(policyId: string): void;
  close(): Promise<void>;
}
