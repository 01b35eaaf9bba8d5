import { boundArguments, shortText } from "../audit/arguments.js";
import { type Budget, createBudget } from "../audit/budget.js";
import { auditDir } from "../audit/files.js";
import { createJournal } from "../audit/journal.js";
import type { AuditEvent } from "../audit/record.js";
import type { AuthEvent } from "../auth/oauth/types.js";
import type { Principal } from "../auth/principal.js";
import type { Clock } from "../clock/clock.js";
import type { OwnedCommand } from "../commands/commands.js";
import type { AuditConfig } from "../config/config.js";
import { isToolErrorCode, toolErrors } from "../errs/errs.js";
import type { Health } from "../health/health.js";
import type { ClientStep } from "../httpd/client-step.js";
import { cleanValue } from "../log/line.js";
import type { Log } from "../log/log.js";
import type { Redactor } from "../log/redact.js";
import type { BegunCall, CallRecord } from "../mcp/call.js";
import type { Approval } from "../policy/approvals.js";

export interface AuditDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly health: Health;
  readonly redactor: Redactor;
  readonly stateDir: string;
  readonly config: () => AuditConfig;
}

/** What clients and the owner do, recorded. Everything that is recorded of a daemon goes through here. */
export interface Audit {
  /** Before anything is changed or run. Throws AUDIT_UNAVAILABLE, and then it must not be. */
  begin(call: BegunCall): void;
  call(record: CallRecord): void;
  commandEnded(ended: OwnedCommand): void;
  signIn(event: AuthEvent): void;
  /** A step of a client that was turned away; its id only where there is such a client. */
  refused(step: ClientStep): void;
  /** An act of the owner's, over the admin socket. */
  owner(act: string, details?: Readonly<Record<string, unknown>>): void;
  /** A request for permissions was answered. */
  decided(approval: Approval): void;
  /** Something about the daemon itself. */
  daemon(event: string, details?: Readonly<Record<string, unknown>>): void;
  /**
   * Says in the log where the journal ends. Whoever keeps the log elsewhere can tell later whether the journal still goes so
   * far, also when all of its files are gone.
   */
  anchor(): void;
  /** Events that were recorded, and whether the journal takes them. */
  state(): { readonly events: number; readonly isWritable: boolean };
  close(): void;
}

/** What somebody can cause at will: so many of a kind are recorded in a minute, so that no kind can hide another. */
const mostPerMinute = {
  /** Takes nothing but the URL. */
  "at the door": 60,
  /** Takes the sign-in page and a client. */
  "consent denied": 20,
  "password guessed": 20,
  /** Takes a credential. */
  "refresh repeated": 20,
  "call refused for its rate": 60,
} as const;
type Kind = keyof typeof mostPerMinute;

export function createAudit({ clock, log, health, redactor, stateDir, config }: AuditDeps): Audit {
  let events = 0;
  let isWritable = true;
  const journal = createJournal({
    dir: auditDir(stateDir),
    clock,
    maxBytes: () => config().maxBytes,
    keep: () => config().keep,
    clean: (event) => cleanValue(event, redactor) as AuditEvent,
    onState(reason) {
      isWritable = reason === undefined;
      if (reason === undefined) {
        log.notice("the audit journal can be written again");
        return health.clear("AUDIT_UNAVAILABLE");
      }
      log.error("the audit journal cannot be written: changes and commands are refused", { reason });
      health.set("AUDIT_UNAVAILABLE", {
        severity: "error",
        text: `changes and commands are refused, since they cannot be recorded: ${reason}`,
        fix: `make room in ${stateDir}`,
      });
    },
  });
  const budgets = Object.fromEntries(
    Object.entries(mostPerMinute).map(([kind, perMinute]) => [
      kind,
      createBudget({ clock, perMinute }, (count) => note({ event: "skipped", kind, count })),
    ]),
  ) as Record<Kind, Budget>;
  /** Calls that were recorded when they began, by their arguments, which are one object from begin to end. */
  const begun = new WeakSet<object>();

  function note(event: AuditEvent): void {
    events += 1;
    journal.note(event);
  }

  function noteBounded(kind: Kind | undefined, event: AuditEvent): void {
    if (kind === undefined) note(event);
    else budgets[kind].spend(() => note(event));
  }

  function anchor(): void {
    const end = journal.end();
    if (end !== undefined) log.notice("the audit journal ends here", { record: end.seq, hash: end.hash });
  }

  /** Whatever a client sends, that it called is recorded: a fault of ours must not keep a call out. */
  function shownArguments(args: BegunCall["args"]): BegunCall["args"] {
    try {
      return boundArguments(args, redactor.text);
    } catch (error) {
      log.error("the arguments of a call cannot be recorded, only that it was made", { error });
      return { unrecorded: true };
    }
  }

  return {
    begin({ principal, tool, workspace, args }) {
      journal.append({
        event: "call_started",
        ...who(principal),
        workspace,
        tool,
        args: shownArguments(args),
      });
      events += 1;
      begun.add(args);
    },
    call(record) {
      const { principal, tool, workspace, args, result } = record;
      const event = {
        event: "call",
        ...who(principal),
        workspace,
        tool,
        ...(begun.has(args) ? {} : { args: shownArguments(args) }),
        outcome: outcomeOf(record),
        code: record.errorCode,
        duration_ms: record.durationMs,
        bytes: record.bytes,
        ...commandOf(result?.structured ?? {}),
        ...(result?.changes?.length ? { files: result.changes } : {}),
      };
      // Nothing bounds how often a client may be told that it calls too often.
      noteBounded(record.errorCode === "RATE_LIMITED" ? "call refused for its rate" : undefined, event);
    },
    commandEnded({ command, workspaceId, caller }) {
      const { exitCode, signal, status, elapsedMs } = command.state();
      note({
        event: "command_ended",
        principal: caller,
        workspace: workspaceId,
        command: {
          id: command.id,
          line: shortText(command.cmd, redactor.text),
          status,
          exit: exitCode,
          signal,
        },
        bytes: command.streams.stdout.total + command.streams.stderr.total,
        duration_ms: elapsedMs,
      });
    },
    signIn({ event, clientId, grantId, detail }) {
      const record = { event: "sign_in", step: event, client_id: clientId, grant: grantId, detail };
      noteBounded(kindOf(event, detail), record);
    },
    refused({ step, status, userAgent, clientId, detail }) {
      if (status < 400) return;
      const who = { client_id: clientId, user_agent: userAgent && shortText(userAgent, redactor.text) };
      noteBounded("at the door", { event: "refused", step, status, ...who, detail });
    },
    owner: (act, details = {}) => note({ event: "owner", act, ...details }),
    decided({ id, state, tool, workspace, caller, permissions, uses, decidedBy }) {
      const act = state === "denied" ? "deny" : "approve";
      const what = { id, tool, workspace, principal: caller, permissions, uses };
      note({ event: decidedBy === "client" ? "client_decision" : "owner", act, ...what });
    },
    daemon: (event, details = {}) => note({ event, ...details }),
    anchor,
    state: () => ({ events, isWritable }),
    close() {
      anchor();
      journal.close();
    },
  };
}

function who({ id, label }: Principal): { readonly principal: string; readonly client: string } {
  return { principal: id, client: label };
}

/** Undefined: nobody can cause it at will. */
function kindOf(event: AuthEvent["event"], detail: string | undefined): Kind | undefined {
  switch (event) {
    case "consent_denied":
      return "consent denied";
    case "password_wrong":
    case "password_throttled":
      return "password guessed";
    case "token_refreshed":
      // Within the grace window the same refresh gives the same answer, as often as somebody likes.
      return detail === "repeated" ? "refresh repeated" : undefined;
    case "client_registered":
    case "client_evicted":
    case "registration_refused":
      return "at the door";
    default:
      return undefined;
  }
}

/** Codes of calls that were turned away, not tried, besides those that are about rights. */
const refusals: ReadonlySet<string> = new Set([
  "UNKNOWN_TOOL",
  "AUDIT_UNAVAILABLE",
  "RATE_LIMITED",
  "SERVER_BUSY",
  "COMMAND_LIMIT_REACHED",
  "INVALID_ARGUMENT",
]);

/** How a call ended, in one word. */
export function outcomeOf({
  ok,
  errorCode,
}: Pick<CallRecord, "ok" | "errorCode">): "ok" | "refused" | "cancelled" | "failed" {
  if (ok) return "ok";
  if (errorCode === "CANCELLED") return "cancelled";
  return errorCode !== undefined && isRefusal(errorCode) ? "refused" : "failed";
}

function isRefusal(code: string): boolean {
  const category = isToolErrorCode(code) ? toolErrors[code].category : undefined;
  return category === "security" || category === "permission" || refusals.has(code);
}

/** The command that a call started or was about, as far as it had come. */
function commandOf(structured: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { command_id: id, status, exit_code: exit, signal } = structured;
  return typeof id === "string" ? { command: { id, status, exit, signal } } : {};
}
