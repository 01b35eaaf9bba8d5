import type { GrantAccess, GrantReport } from "../../internal/admin/types.js";
import type { Context } from "./context.js";
import { accessOf, findGrant, nameOf, reachOf } from "./grants.js";
import { printable } from "./output.js";

/** Changes what the client that `text` names may do, says what that is now, and where a workspace allows less. */
export async function setAccess(context: Context, text: string, access: GrantAccess): Promise<number> {
  const { client, answer, remark } = context;
  const [{ id }, { workspaces }] = await Promise.all([findGrant(context, text), client.workspaces()]);
  const { grant } = await client.setAccess(id, access);
  answer({ grant }, () => describe(grant));
  const limited = reachOf(grant, workspaces).filter((reach) => reach.limited);
  if (limited.length > 0) {
    const where = limited.map((reach) => reach.id).join(", ");
    remark(`note: still read-only in ${where}: a client never gets more than the workspace's own profile`);
  }
  return 0;
}

function describe(grant: GrantReport): string {
  return printable(`${nameOf(grant)}: ${accessOf(grant)}`);
}
