import type { ClientRecord } from "../clients/clients.js";
import type { AuthConfig, Profile } from "../config/config.js";
import type { ConfigProblem } from "../config/problem.js";
import type { Warning } from "../health/health.js";
import type { LogLine } from "../log/line.js";

/**
 * The admin API, version 1: HTTP/JSON on a unix socket that only its owner can open. Every JSON answer carries
 * `schema: 1`; under that number fields are added, never renamed or removed. Names are snake_case, times RFC 3339.
 *
 *     GET  /v1/status           StatusReport
 *     POST /v1/reload           {dry_run?, if_generation?} -> ReloadReport
 *     GET  /v1/workspaces       WorkspacesReport
 *     GET  /v1/clients          ClientsReport
 *     GET  /v1/config?sources=1 ConfigReport
 *     GET  /v1/logs?follow=1    LogLine after LogLine (application/x-ndjson)
 *     POST /v1/rotate-secret    {kind} -> SecretReport
 *
 * A failure is an ErrorReport with a fitting HTTP status.
 */
export const adminSchema = 1;
/** The only Host the socket answers to, so that no web page can be pointed at it. */
export const adminHost = "ctmcp.local";
/** The header with the daemon's version on every answer. */
export const versionHeader = "ctmcp-version";

interface Report {
  readonly schema: typeof adminSchema;
}

/** A workspace in force. `profile` is its ceiling; a client's own grant can only narrow it. */
export interface WorkspaceReport {
  readonly id: string;
  readonly path: string;
  readonly profile: Profile;
}

export interface StatusReport extends Report {
  /** The daemon's version. */
  readonly version: string;
  readonly pid: number;
  readonly started_at: string;
  readonly uptime_s: number;
  readonly state: "starting" | "ready" | "draining";
  /** Counts the configs that took effect, from 1. */
  readonly generation: number;
  readonly config: {
    readonly path: string;
    /** When the config in force was read. */
    readonly loaded_at: string;
    /** The file on disk cannot be used, so an earlier one stays in force. */
    readonly pending_error?: {
      readonly message: string;
      readonly problems: readonly ConfigProblem[];
      readonly since: string;
    };
  };
  readonly listen: {
    readonly host: string;
    readonly port: number;
    /** The MCP endpoint on this machine. */
    readonly url: string;
    /** The MCP endpoint as the world sees it; null when there is no hostname. */
    readonly public_url: string | null;
  };
  readonly auth: { readonly mode: AuthConfig["mode"] };
  /** The default one first. */
  readonly workspaces: readonly WorkspaceReport[];
  readonly catalogue: { readonly hash: string; readonly count: number };
  readonly clients: { readonly active: number };
  readonly memory_rss_bytes: number;
  /** What searches; null when there is none. */
  readonly ripgrep: { readonly path: string; readonly source: string } | null;
  readonly warnings: readonly Warning[];
}

export interface ReloadReport extends Report {
  /** `planned`: a dry run that found changes. `unchanged`: the file resolves to what is in force. */
  readonly result: "applied" | "unchanged" | "planned";
  /** The generation in force now. */
  readonly generation: number;
  /** One line for each change, for people. */
  readonly changes: readonly string[];
  /** Keys whose new value waits for a restart. */
  readonly restart_needed: readonly string[];
}

export interface WorkspacesReport extends Report {
  readonly workspaces: readonly WorkspaceReport[];
}

export interface ClientsReport extends Report {
  /** The latest first. */
  readonly clients: readonly ClientRecord[];
}

export interface ConfigReport extends Report {
  readonly path: string;
  readonly generation: number;
  /** The config in force with every default filled in and every secret shown as `***`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Where each key's value comes from: `default`, or `file:line`. */
  readonly sources?: Readonly<Record<string, string>>;
}

export type SecretKind = "bearer";

export interface SecretReport extends Report {
  readonly kind: SecretKind;
  /** The new secret, in clear: this answer is the one place that shows it. */
  readonly secret: string;
}

export interface ErrorReport extends Report {
  readonly error: {
    /** An error code of internal/errs. */
    readonly code: string;
    readonly message: string;
    readonly hint?: string;
    readonly details?: Readonly<Record<string, unknown>>;
  };
}

/** The same report without the envelope field, which the server adds. */
export type Body<T extends Report> = Omit<T, "schema">;

/**
 * What the daemon answers with. An expected failure is a thrown Fault, whose code decides the HTTP status and what
 * ctmcpctl exits with; CONFIG_INVALID carries its ConfigProblems in `details.problems`.
 */
export interface AdminBackend {
  status(): Body<StatusReport>;
  /**
   * Reads the config file again and puts it in force; `dryRun` only says what would change.
   * REFUSED when `ifGeneration` is given and another generation is in force.
   */
  reload(options: { dryRun: boolean; ifGeneration: number | undefined }): Promise<Body<ReloadReport>>;
  workspaces(): Body<WorkspacesReport>;
  clients(): Body<ClientsReport>;
  config(options: { sources: boolean }): Body<ConfigReport>;
  /** Makes a new secret and ends the old one at once. REFUSED when the config says where the secret comes from. */
  rotateSecret(kind: SecretKind): Promise<{ secret: string }>;
  /** The remembered lines, oldest first; with `follow` also those to come, until `signal` aborts. */
  logs(options: { follow: boolean; signal: AbortSignal }): AsyncIterable<LogLine>;
}
