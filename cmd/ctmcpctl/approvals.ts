import type { ApprovalReport, ApprovalsReport } from "../../internal/admin/types.js";
import type { Context } from "./context.js";
import { duration, printable } from "./output.js";

/** Lists requests for permissions: those that wait first, each with everything that an answer must be based on. */
export async function run({ client, answer }: Context): Promise<number> {
  answer(await client.approvals(), describe);
  return 0;
}

function describe({ approvals }: ApprovalsReport): string {
  if (approvals.length === 0) return "no client asks for anything";
  return approvals.map(describeApproval).join("\n\n");
}

/** One request as a block of lines. */
export function describeApproval(it: ApprovalReport): string {
  const left = duration((Date.parse(it.expires_at) - Date.now()) / 1_000);
  return [
    `${it.id}  ${stateOf(it)} (${left} left)`,
    `  ${it.principal} wants ${it.tool} in workspace ${it.workspace}, which needs: ${it.permissions.join(", ")}`,
    // The text is the client's: it must neither drive the terminal nor look like another entry.
    ...it.summary.split("\n").map((line) => `  | ${printable(line)}`),
    `  reason given: ${printable(it.reason)}`,
    ...(it.state === "pending" ? [`  answer: ctmcpctl approve ${it.id}, or ctmcpctl deny ${it.id}`] : []),
  ].join("\n");
}

function stateOf({ state, uses, decided_by: by }: ApprovalReport): string {
  const how = state === "approved" ? (uses === "once" ? " for one call" : " for a time") : "";
  return by === null ? state : `${state}${how} by the ${by}`;
}
