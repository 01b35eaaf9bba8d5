import type { Profile, TunnelConfig } from "../config/config.js";

/**
 * `off`: none is configured. `connected`: the provider says so. `verified`: a probe through the public URL reached this
 * process. `degraded`: it runs, and the public side is wrong. `backoff`: it will be started again. `blocked`: a person
 * has to do something first.
 */
export type TunnelState =
  | "off"
  | "starting"
  | "connecting"
  | "connected"
  | "verified"
  | "degraded"
  | "backoff"
  | "blocked";

/** What a line of output, a local endpoint or an exit tells about the tunnel. */
export type Sign =
  /** It carries requests, as far as the provider knows; `url` when it is only now known. */
  | { readonly kind: "ready"; readonly url?: string }
  /** It has lost its connection and tries by itself. */
  | { readonly kind: "down" }
  | { readonly kind: "fault"; readonly fault: TunnelFault };

/** One row of a provider's error table. */
export interface TunnelFault {
  /** Stable, for scripts; upper case with underscores. */
  readonly code: string;
  /**
   * `blocked`: trying again cannot help. `backoff`: it may. `degraded`: the public side is wrong, and starting again does
   * not change that. `info`: worth saying only.
   */
  readonly class: "blocked" | "backoff" | "degraded" | "info";
  /** What is wrong, lowercase, without the secret it may be about. */
  readonly text: string;
  /** What to do, or the exact command. */
  readonly hint: string;
}

/** A row together with how it is recognised in output. Data: fakes in tests are made from the same rows. */
export interface FaultRow extends TunnelFault {
  readonly pattern: RegExp;
  /** A line as the provider really prints it. */
  readonly sample: string;
}

export interface LaunchContext {
  readonly config: TunnelConfig;
  readonly hostname: string | undefined;
  /** Where requests are to arrive: 127.0.0.1 and this port. */
  readonly port: number;
  /** Absolute, 0700, for files the provider reads; made empty for each start. */
  readonly directory: string;
  /** The owner's PATH, in which the program is looked for, without folders that clients may change. */
  readonly path: string;
  /** Clients may change this file, so that it is not run unless the owner named it by its path. */
  readonly isChangeable: (file: string) => boolean;
  /** The daemon's own environment, of which nothing is inherited unless the provider names it. */
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** A TCP port that was free just now, for the provider's own endpoints. */
  readonly freePort: () => Promise<number>;
  /** A token that lets requests of this start in, up to a profile; that of the start before ends. */
  readonly pass: (profile: Profile) => string;
}

/** Tells requests that a program brings from others, where no probe can: nobody else knows the value of this start. */
export const tunnelMarkHeader = "x-ctmcp-tunnel";

/** One start of a provider's program. */
export interface Launch {
  /** The program's absolute path and its arguments. Secrets never stand here. */
  readonly argv: readonly [string, ...string[]];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Its program puts this into each request: into the header `tunnelMarkHeader`, or as token. Absent: a probe tells. */
  readonly mark?: string;
  /** What one line of standard output or error means; undefined: nothing. Lines are cut at 8 KiB. */
  readSign(line: string): Sign | undefined;
  /** Asks the provider's local endpoint; absent when lines tell everything. */
  poll?(signal: AbortSignal): Promise<Sign | undefined>;
}

export interface Provider {
  /** False when it gives another URL at each start. */
  readonly isStable: boolean;
  /** The program's name, as it is looked for; undefined: nothing is run. */
  readonly program: string | undefined;
  /** Rows its output is matched with, the first match counts. */
  readonly faults: readonly FaultRow[];
  /**
   * Prepares a start.
   *
   * @throws TunnelRefusal with a `blocked` fault when something is missing that only a person can provide.
   */
  launch(context: LaunchContext): Promise<Launch>;
}

/** What a probe through the public URL has just found; serialised as it is. */
export interface ProofReport {
  /** The MCP URL that leads to this very process; null: that is not proven, or there is none. */
  readonly url: string | null;
  /** Why it is not proven. */
  readonly fault: TunnelFault | null;
}

/** What `status` and `tunnel status` show; serialised as it is. */
export interface TunnelReport {
  readonly provider: string;
  readonly state: TunnelState;
  /** RFC 3339: since when it is in this state. */
  readonly since: string;
  /** The public MCP URL, when one is known. */
  readonly url: string | null;
  readonly pid: number | null;
  readonly restarts: number;
  /** RFC 3339 of the last probe that reached this process. */
  readonly verified_at: string | null;
  /** RFC 3339: when it is started again. */
  readonly next_start_at: string | null;
  readonly fault: TunnelFault | null;
  /** The last lines of output, secrets taken out. */
  readonly lines: readonly string[];
}
