import type { ClientAttempts } from "../clients/attempts.js";
import type { ClientRecord } from "../clients/clients.js";
import type { AuthConfig, Profile, SandboxLevelName } from "../config/config.js";
import type { ConfigProblem } from "../config/problem.js";
import type { Warning } from "../health/health.js";
import type { TunnelReport } from "../tunnel/types.js";

/**
 * The admin API, version 1: HTTP/JSON on a unix socket that only its owner can open. Every JSON answer carries
 * `schema: 1`; under that number fields are added, never renamed or removed. Names are snake_case, times RFC 3339.
 *
 *     GET  /v1/status           StatusReport
 *     POST /v1/reload           {dry_run?, if_generation?} -> ReloadReport
 *     GET  /v1/workspaces       WorkspacesReport
 *     GET  /v1/clients          ClientsReport
 *     GET  /v1/attempts         AttemptsReport
 *     GET  /v1/config?sources=1 ConfigReport
 *     GET  /v1/logs?follow=1    LogLine after LogLine (application/x-ndjson)
 *     POST /v1/rotate-secret    {kind?, revoke?} -> RotateReport
 *     GET  /v1/grants           GrantsReport
 *     POST /v1/grants/revoke    {id} -> GrantResultReport
 *     POST /v1/grants/access    {id, profile?, workspaces?} -> GrantResultReport
 *     POST /v1/auth/unlock      UnlockReport
 *     POST /v1/pass             PassReport
 *     POST /v1/pass/end         PassEndReport
 *     GET  /v1/approvals        ApprovalsReport
 *     POST /v1/approvals        {id, allow, for_seconds?} -> DecisionReport
 *     GET  /v1/undo             UndoListReport
 *     POST /v1/undo             {id?} -> UndoResultReport
 *     GET  /v1/tunnel           TunnelStatusReport
 *     POST /v1/tunnel/restart   TunnelStatusReport
 *     POST /v1/prove            ProofReport
 *     GET  /v1/metrics          numbers as text for Prometheus
 *     POST /v1/tunnel/test      TunnelStatusReport
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
  /** `active`: heard from in the last 15 minutes. `recent`: the latest first, at most ten. */
  readonly clients: {
    readonly active: number;
    readonly recent: readonly Pick<
      ClientRecord,
      "name" | "user_agent" | "principal" | "last_seen" | "last_tool"
    >[];
  };
  /** Commands that run. */
  readonly commands: readonly {
    readonly id: string;
    readonly workspace: string;
    /** Who started it; null for the daemon itself. */
    readonly principal: string | null;
    /** Without secrets, at most 200 characters. */
    readonly line: string;
    readonly tty: boolean;
    readonly running_s: number;
  }[];
  /** Null when none is configured. */
  readonly tunnel: TunnelReport | null;
  readonly memory_rss_bytes: number;
  /** How commands are confined, as the last self-test found it. */
  readonly sandbox: {
    readonly level: SandboxLevelName;
    /** Commands are refused below it. */
    readonly minimum: SandboxLevelName;
    /** Why it is not strong, and what to install or change; null when it is. */
    readonly reason: string | null;
    readonly checked_at: string;
    readonly probes: readonly { readonly name: string; readonly outcome: string; readonly detail: string }[];
  };
  /** PATH of commands, and where it was found; null while it is looked for. */
  readonly path: { readonly value: string; readonly source: string; readonly problem: string | null } | null;
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

export interface AttemptsReport extends Report {
  /** How clients got in, or how far, the latest first. */
  readonly clients: readonly ClientAttempts[];
}

export interface TunnelStatusReport extends Report {
  /** Null when none is configured. */
  readonly tunnel: TunnelReport | null;
}

export interface ConfigReport extends Report {
  readonly path: string;
  readonly generation: number;
  /** The config in force with every default filled in and every secret shown as `***`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Where each key's value comes from: `default`, or `file:line`. */
  readonly sources?: Readonly<Record<string, string>>;
}

/** `all`: each of the others that the mode in force has. */
export type SecretKind = "password" | "bearer" | "signing-key" | "all";

export interface RotateRequest {
  /** Undefined: the one secret that people type in the mode in force. */
  readonly kind: SecretKind | undefined;
  /** Also ends every grant, and tokens of the old signing key at once. */
  readonly revoke: boolean;
}

export interface RotateReport extends Report {
  readonly kind: SecretKind;
  /** The new secrets that people need, in clear: this answer is the one place that shows them. */
  readonly secrets: { readonly password?: string; readonly bearer?: string };
  /** Grants that were ended. */
  readonly revoked: number;
  /** Until when tokens of the old signing key are accepted; null: the key stays, or they end at once. */
  readonly old_key_ends_at: string | null;
}

/** What the owner allowed one client at sign-in. `client_id` and `client_name` are the client's words. */
export interface GrantReport {
  /** The client's requests come from principal `grant:ID`. */
  readonly id: string;
  readonly client_id: string;
  readonly client_name: string | null;
  /** Host that the client was sent back to, or the scheme of an app. */
  readonly redirect_host: string;
  /** Ids, of which some may not be served any more; null: all, also ones added later. */
  readonly workspaces: readonly string[] | null;
  /** A workspace's own profile narrows it further. */
  readonly profile: Profile;
  readonly created_at: string;
  /** When its last token was issued. */
  readonly used_at: string;
  /** When the client has to sign in again, unless it comes back before. */
  readonly expires_at: string;
}

export interface GrantsReport extends Report {
  /** The last used first. */
  readonly grants: readonly GrantReport[];
}

export interface GrantResultReport extends Report {
  /** As it is now; as it was, when it was revoked. */
  readonly grant: GrantReport;
}

export interface UnlockReport extends Report {
  /** Delays after wrong passwords that were ended. */
  readonly cleared: number;
}

/** What lets the owner's own checks in where clients sign in. */
export interface PassReport extends Report {
  /** A bearer token, to read with. There is one at a time. */
  readonly token: string;
  readonly expires_at: string;
}

export type PassEndReport = Report;

/** What to change of a grant; the rest stays. */
export interface GrantAccess {
  readonly profile?: Profile | undefined;
  /** Null: all, also ones added later. */
  readonly workspaces?: readonly string[] | null | undefined;
}

/** A request for permissions and what became of it. `summary` and `reason` are the client's words. */
export interface ApprovalReport {
  readonly id: string;
  readonly state: "pending" | "approved" | "denied" | "used";
  readonly tool: string;
  readonly workspace: string;
  readonly principal: string;
  readonly permissions: readonly string[];
  readonly reason: string;
  /** The command line or the patch that is to run. */
  readonly summary: string;
  readonly requested_at: string;
  /** When the request lapses, or the grant. */
  readonly expires_at: string;
  /** How often a grant counts. */
  readonly uses: "once" | "any";
  /** `client`: the person at the client was asked in band. */
  readonly decided_by: "owner" | "client" | null;
}

export interface ApprovalsReport extends Report {
  /** Those that wait first, then the latest first. */
  readonly approvals: readonly ApprovalReport[];
}

export interface DecisionReport extends Report {
  readonly approval: ApprovalReport;
}

/** The owner's answer. Without `forSeconds` an approval counts for one call. */
export interface ApprovalDecision {
  readonly id: string;
  readonly allow: boolean;
  /** 1 to 3600. */
  readonly forSeconds?: number | undefined;
}

/** A set of changes to files that can be taken back. */
export interface UndoReport {
  readonly id: string;
  readonly at: string;
  /** The tool that made them. */
  readonly tool: string;
  readonly workspace: string;
  /** Absolute path of the workspace. */
  readonly root: string;
  /** A line for each file: `A`, `M` or `D` and its path, or `R old -> new`. */
  readonly summary: readonly string[];
}

/** A set of changes that was taken back. */
export interface UndoneReport extends UndoReport {
  /** What taking it back has changed: SHA-256 of each file's content in hex, null where there was, or is, no file. */
  readonly changes: readonly {
    readonly path: string;
    readonly before: string | null;
    readonly after: string | null;
  }[];
  /** What was done all the same but is not as it should be. */
  readonly warnings: readonly string[];
}

export interface UndoListReport extends Report {
  /** The newest first. */
  readonly entries: readonly UndoReport[];
}

export interface UndoResultReport extends Report {
  readonly undone: UndoneReport;
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
