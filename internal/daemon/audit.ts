import { boundArguments, shortText } from "../audit/arguments.js";
import { createBudget } from "../audit/budget.js";
import { auditDir } from "../audit/files.js";
import { createJournal } from "../audit/journal.js";
import type { AuditEvent } from "../audit/record.js";
import type { AuthEvent } from "../auth/oauth/types.js";
import type { Principal } from "../auth/principal.js";
import type { Clock } from "../clock/clock.js";
import type { OwnedCommand } from "../commands/commands.js";
import type { AuditConfig } from "../config/config.js";
import type { Health } from "../health/health.js";
import type { ClientStep } from "../httpd/client-step.js";
import { cleanValue } from "../log/line.js";
import type { Log } from "../log/log.js";
import type { Redactor } from "../log/redact.js";
import type { BegunCall, CallRecord } from "../mcp/call.js";

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

/** Events a minute that anybody who knows the URL can cause. */
const strangersPerMinute = 60;
/** What only an owner or somebody with a grant can cause. */
const rare: ReadonlySet<AuthEvent["event"]> = new Set([
  "consent_given",
  "code_replayed",
  "refresh_replayed",
  "grant_changed",
  "grant_revoked",
]);

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
  const strangers = createBudget({ clock, perMinute: strangersPerMinute }, (count) =>
    note({ event: "skipped", count }),
  );
  /** Calls that were recorded when they began, by their arguments, which are one object from begin to end. */
  const begun = new WeakSet<object>();

  function note(event: AuditEvent): void {
    events += 1;
    journal.note(event);
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
        bytes: result?.content.reduce(
          (sum, block) => sum + (block.type === "text" ? block.text.length : 0),
          0,
        ),
        ...commandOf(result?.structured ?? {}),
        ...(result?.changes?.length ? { files: result.changes } : {}),
      };
      // Nothing bounds how often a client may be told that it calls too often.
      if (record.errorCode === "RATE_LIMITED") strangers.spend(() => note(event));
      else note(event);
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
      if (rare.has(event)) note(record);
      else strangers.spend(() => note(record));
    },
    refused({ step, status, userAgent, clientId, detail }) {
      if (status < 400) return;
      const who = { client_id: clientId, user_agent: userAgent && shortText(userAgent, redactor.text) };
      strangers.spend(() => note({ event: "refused", step, status, ...who, detail }));
    },
    owner: (act, details = {}) => note({ event: "owner", act, ...details }),
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

/** Codes of calls that were turned away, not tried. */
const refusals: ReadonlySet<string> = new Set([
  "PERMISSION_REQUIRED",
  "UNKNOWN_TOOL",
  "SANDBOX_UNAVAILABLE",
  "AUDIT_UNAVAILABLE",
  "RATE_LIMITED",
  "SERVER_BUSY",
  "COMMAND_LIMIT_REACHED",
  "INVALID_ARGUMENT",
]);

/** How a call ended, in one word. */
export function outcomeOf({ ok, errorCode }: CallRecord): "ok" | "refused" | "cancelled" | "failed" {
  if (ok) return "ok";
  if (errorCode === "CANCELLED") return "cancelled";
  return errorCode !== undefined && refusals.has(errorCode) ? "refused" : "failed";
}

/** The command that a call started or was about, as far as it had come. */
function commandOf(structured: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { command_id: id, status, exit_code: exit, signal } = structured;
  return typeof id === "string" ? { command: { id, status, exit, signal } } : {};
}
