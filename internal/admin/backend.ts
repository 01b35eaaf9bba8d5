import type { LogLine } from "../log/line.js";
import type { ProofReport, TunnelReport } from "../tunnel/types.js";
import type {
  ApprovalDecision,
  ApprovalReport,
  AttemptsReport,
  Body,
  ClientsReport,
  ConfigReport,
  GrantAccess,
  GrantReport,
  PassReport,
  ReloadReport,
  RotateReport,
  RotateRequest,
  StatusReport,
  UndoneReport,
  UndoReport,
  WorkspacesReport,
} from "./types.js";

/** Lets the owner's own checks in where clients sign in. */
export interface PassBackend {
  /** Ends the one before. */
  issue(): Body<PassReport>;
  end(): void;
}

/** The clients that signed in. NOT_FOUND for an id that is not there any more. */
export interface SignInBackend {
  /** The last used first. */
  list(): readonly GrantReport[];
  /** Signs a client out, at once. */
  revoke(id: string): Promise<GrantReport>;
  /** Takes effect at once. */
  setAccess(id: string, access: GrantAccess): Promise<GrantReport>;
  /** Lets the owner try a password at once, however many wrong ones came before. */
  unlock(): { readonly cleared: number };
}

/** The approvals of a daemon that runs commands. NOT_FOUND for an id that is not there any more. */
export interface ApprovalsBackend {
  list(): readonly ApprovalReport[];
  decide(decision: ApprovalDecision): ApprovalReport;
}

/** The changes that a daemon which writes files remembers. */
export interface UndoBackend {
  /** The newest first. */
  list(): Promise<readonly UndoReport[]>;
  /**
   * Takes back one set of changes: all of it, or none. Without `id` the newest. NOT_FOUND when there is no such set or
   * its workspace is gone, PATCH_CONFLICT when a file is no longer as the changes left it.
   */
  undo(id: string | undefined): Promise<UndoneReport>;
}

/** The tunnel of the config in force. */
export interface TunnelBackend {
  report(): TunnelReport;
  /** Starts its program again, also when it is blocked or waits; returns once that is under way. */
  restart(): Promise<TunnelReport>;
  /** Asks for a request through the public URL now; returns with what came of it. */
  test(): Promise<TunnelReport>;
}

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
  attempts(): Body<AttemptsReport>;
  config(options: { sources: boolean }): Body<ConfigReport>;
  /**
   * Makes new secrets; a password or bearer token that was there ends at once. REFUSED when the mode in force has no
   * such secret, when `kind` is undefined and the mode has two, and when the config says where a secret comes from.
   */
  rotateSecret(request: RotateRequest): Promise<Body<RotateReport>>;
  /** Undefined: clients do not sign in, by the mode in force. */
  readonly signIn: SignInBackend | undefined;
  /** Absent or undefined: clients do not sign in. */
  readonly pass?: PassBackend | undefined;
  /** Numbers in the text format of Prometheus. Absent: none are kept. */
  metrics?(): string;
  /** Absent: nothing this daemon serves can ask for a permission. */
  readonly approvals?: ApprovalsBackend;
  /** Absent: nothing this daemon serves can change files. */
  readonly undo?: UndoBackend;
  /** Undefined: none is configured. */
  readonly tunnel: TunnelBackend | undefined;
  /** Goes out to the public URL and back, whoever brings requests there. */
  prove(): Promise<ProofReport>;
  /** The remembered lines, oldest first; with `follow` also those to come, until `signal` aborts. */
  logs(options: { follow: boolean; signal: AbortSignal }): AsyncIterable<LogLine>;
}
