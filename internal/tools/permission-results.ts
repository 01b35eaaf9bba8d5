import type { Approval } from "../policy/approvals.js";
import type { Finding, requestable } from "../policy/types.js";
import type { ToolCall, ToolResult } from "./types.js";

/** The validated arguments of `request_permissions`. */
export interface PermissionArgs {
  readonly tool_name: "exec_command" | "apply_patch";
  readonly permission: (typeof requestable)[number];
  readonly reason: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly scope: "once" | "session";
  readonly ttl_seconds: number;
}

/** What became of the request: granted, denied, or still pending. */
export function resultOf({ workspace }: ToolCall, args: PermissionArgs, approval: Approval): ToolResult {
  const { id, state, expiresAt, permissions } = approval;
  const expires = new Date(expiresAt).toISOString();
  const common = { request_id: id, permissions, reason: args.reason, expires_at: expires };
  if (state === "approved") {
    const next = { tool: args.tool_name, arguments: args.arguments };
    const scope = approval.uses === "once" ? "for one call" : `until ${expires}`;
    return {
      content: [
        { type: "text", text: `Granted ${scope}. Make the call again, unchanged: ${args.tool_name}` },
      ],
      structured: {
        ok: true,
        status: "granted",
        grant_id: id,
        ...common,
        constraints: {
          mode: "approval",
          workspace: workspace.path,
          scope: approval.uses === "once" ? "once" : "session",
          requested: requestedOf(args),
        },
        next_action: next,
        warnings: [],
      },
    };
  }
  return state === "denied"
    ? refusal(args, { ...common, status: "denied", retryable: false, message: `request ${id} was denied` })
    : refusal(args, {
        ...common,
        status: "pending",
        retryable: true,
        message: `request ${id} waits for the owner, who answers with: ctmcpctl approve ${id}`,
      });
}

function refusal(
  args: PermissionArgs,
  {
    message,
    retryable,
    ...fields
  }: { message: string; retryable: boolean; status: string } & Record<string, unknown>,
): ToolResult {
  const advice = retryable
    ? "Tell the user, then call request_permissions again unchanged to learn the answer."
    : "Do not ask again; do the task another way.";
  return {
    content: [
      {
        type: "text",
        text: `PERMISSION_REQUIRED: ${message}\nCategory: permission. Retryable: ${retryable ? "yes" : "no"}\n${advice}`,
      },
    ],
    structured: {
      ok: false,
      grant_id: null,
      expires_at: null,
      ...fields,
      error: {
        code: "PERMISSION_REQUIRED",
        message,
        category: "permission",
        retryable,
        details: { requested: requestedOf(args), retry_hint: advice },
      },
      warnings: [],
    },
  };
}

/** For a call that no permission would let through. */
export function ungrantable(args: PermissionArgs, { permission, message }: Finding): ToolResult {
  return refusal(args, {
    status: "denied",
    retryable: false,
    message: `${message}; ${permission} cannot be granted to a call, only by sandbox.read or sandbox.write in the config`,
  });
}

/** For a call that needs no permission. */
export function notRequired(args: PermissionArgs): ToolResult {
  return {
    content: [
      {
        type: "text",
        text: `Not required: make the call. ${args.tool_name} with these arguments is allowed.`,
      },
    ],
    structured: {
      ok: true,
      status: "not_required",
      grant_id: null,
      expires_at: null,
      constraints: { requested: requestedOf(args) },
      warnings: [],
    },
  };
}

/** For a server in mode dangerous. */
export function skipped(call: ToolCall, args: PermissionArgs): ToolResult {
  return {
    content: [{ type: "text", text: "Granted: this server skips all permission checks." }],
    structured: {
      ok: true,
      status: "granted",
      grant_id: "dangerously-skip-all-permissions",
      expires_at: null,
      constraints: { mode: "dangerous", workspace: call.workspace.path, requested: requestedOf(args) },
      warnings: [],
    },
  };
}

function requestedOf({
  tool_name,
  permission,
  reason,
  arguments: args,
  scope,
  ttl_seconds,
}: PermissionArgs): object {
  return { tool_name, permission, reason, arguments: args, scope, ttl_seconds };
}
