import type { PermissionMode } from "../config/config.js";
import type { Approval, Approvals } from "../policy/approvals.js";
import { isRequestable } from "../policy/refusal.js";
import type { Subject } from "../policy/subject.js";
import { type Finding, type Permission, requestable } from "../policy/types.js";
import type { Ask, Reply } from "./ask.js";
import { notRequired, type PermissionArgs, resultOf, skipped, ungrantable } from "./permission-results.js";
import type { Tool, ToolCall } from "./types.js";

export interface RequestPermissionsDeps {
  readonly approvals: Approvals;
  readonly mode: PermissionMode;
  /** The configuration gives commands the network. */
  readonly networkAllowed: boolean;
  /** Ask the person at the client where the client can; false: only the owner answers. */
  readonly askClient: boolean;
  /** What the mode refuses about an exec_command with these arguments. */
  readonly refusals: (call: ToolCall, args: PermissionArgs["arguments"]) => Promise<readonly Finding[]>;
}

/** The owner may be watching: so long a call waits for the answer of `ctmcpctl approve`, in milliseconds. */
const ownerWaitMs = 20_000;
/** A person who was asked reads first; the call still ends before any edge gives it up. */
const clientWaitMs = 90_000;
/** A longer call is for the owner, who is shown all of it: nobody should agree to what a form cuts off. */
const maxShown = 2_000;
/** What the form offers besides `once`. */
const formMinutes = 10;

/**
 * `request_permissions`: files a request that the owner answers on the machine, or the person at the client in a form.
 * The same call made again returns what was answered meanwhile.
 */
export function requestPermissionsTool(deps: RequestPermissionsDeps): Tool {
  return {
    name: "request_permissions",
    title: "Request permissions",
    description:
      "Asks the owner for the permission that a call was refused for; a grant counts for that very call. Call again unchanged to learn the answer.",
    inputSchema: {
      type: "object",
      properties: {
        tool_name: { type: "string", enum: ["exec_command", "apply_patch"] },
        permission: { type: "string", enum: requestable },
        reason: { type: "string", minLength: 1, maxLength: 2000, description: "For the owner to read." },
        arguments: {
          type: "object",
          additionalProperties: true,
          description: "Of the refused call, unchanged.",
        },
        scope: { type: "string", enum: ["once", "session"], default: "once" },
        ttl_seconds: { type: "integer", minimum: 1, maximum: 3600, default: 300 },
      },
      required: ["tool_name", "permission", "reason", "arguments"],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: false, openWorldHint: false },
    profile: "full",
    lane: "fast",
    async run(call: ToolCall) {
      const args = call.args as unknown as PermissionArgs;
      if (deps.mode === "dangerous") return skipped(call, args);
      const findings = args.tool_name === "exec_command" ? await deps.refusals(call, args.arguments) : [];
      const refused = [...new Set(findings.map(({ permission }) => permission))];
      const never = findings.find(({ permission }) => !isRequestable(permission));
      if (never !== undefined) return ungrantable(args, never);
      if (!isNeeded(deps, args, refused)) return notRequired(args);
      const subject = subjectOf(call, args);
      const approval = deps.approvals.request({
        subject,
        permissions: [...new Set([args.permission, ...refused])],
        reason: wish(args),
      });
      return resultOf(call, args, await answered(deps, call, approval));
    },
  };
}

/** The network is also held by the sandbox, whatever the words of a command; every other permission by the mode alone. */
function isNeeded(
  deps: RequestPermissionsDeps,
  args: PermissionArgs,
  refused: readonly Permission[],
): boolean {
  if (refused.length > 0) return true;
  return args.tool_name === "exec_command" && args.permission === "network" && !deps.networkAllowed;
}

function subjectOf(call: ToolCall, { tool_name: tool, arguments: args }: PermissionArgs): Subject {
  const { workspace: _, ...rest } = args;
  return { tool, args: rest, workspace: call.workspace.id, caller: call.caller };
}

function wish({ reason, scope, ttl_seconds: seconds }: PermissionArgs): string {
  return scope === "once" ? reason : `${reason} (asks for ${Math.ceil(seconds / 60)} min)`;
}

/** The request after whoever is there to answer had time to; still pending when nobody did. */
async function answered(
  { approvals, askClient }: RequestPermissionsDeps,
  call: ToolCall,
  approval: Approval,
): Promise<Approval> {
  if (approval.state !== "pending") return approval;
  const { signal, ask } = call;
  if (!askClient || ask === undefined || approval.summary.length > maxShown) {
    return (await approvals.settled(approval.id, { timeoutMs: ownerWaitMs, signal })) ?? approval;
  }
  const decided = ask(questionAbout(approval)).then((reply) => decide(approvals, approval, reply));
  // A late answer still counts: the next call finds it.
  decided.catch(() => {});
  const settled = approvals.settled(approval.id, { timeoutMs: clientWaitMs, signal });
  return (await Promise.race([decided, settled])) ?? approval;
}

function questionAbout({ id, tool, summary, permissions, reason, workspace }: Approval): Parameters<Ask>[0] {
  return {
    key: id,
    message: `Allow ${tool} in workspace ${workspace}?\n\n${summary}\n\nIt needs: ${permissions.join(", ")}\nThe model's reason: ${reason}`,
    schema: {
      type: "object",
      properties: {
        allow: {
          type: "string",
          title: "Allow",
          enum: ["once", "minutes"],
          enumNames: ["this one call", `this call for ${formMinutes} minutes`],
        },
      },
      required: ["allow"],
    },
  };
}

/** A form that was closed, or filled in with something else, leaves the question to the owner. */
function decide(approvals: Approvals, { id }: Approval, reply: Reply): Approval | undefined {
  if (reply.action === "decline") return approvals.decide(id, { allow: false }, "client");
  if (reply.action !== "accept") return undefined;
  const { allow } = reply.content;
  if (allow === "once") return approvals.decide(id, { allow: true }, "client");
  if (allow !== "minutes") return undefined;
  return approvals.decide(id, { allow: true, forMs: formMinutes * 60_000 }, "client");
}
