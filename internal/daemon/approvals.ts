import type { ApprovalsBackend } from "../admin/backend.js";
import type { ApprovalReport } from "../admin/types.js";
import type { Approval, Approvals } from "../policy/approvals.js";

/** Answers the admin socket from the approvals of the daemon. */
export function approvalsBackend(approvals: Approvals): ApprovalsBackend {
  return {
    list: () => approvals.list().map(report),
    decide({ id, allow, forSeconds }) {
      const forMs = forSeconds === undefined ? undefined : forSeconds * 1000;
      return report(approvals.decide(id, allow ? { allow, forMs } : { allow }, "owner"));
    },
  };
}

function report(approval: Approval): ApprovalReport {
  const { id, state, tool, workspace, caller, permissions, reason, summary, uses, decidedBy } = approval;
  return {
    id,
    state,
    tool,
    workspace,
    principal: caller,
    permissions,
    reason,
    summary,
    uses,
    decided_by: decidedBy ?? null,
    requested_at: new Date(approval.requestedAt).toISOString(),
    expires_at: new Date(approval.expiresAt).toISOString(),
  };
}
