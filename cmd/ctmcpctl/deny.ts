import { describeApproval } from "./approvals.js";
import type { Context } from "./context.js";

/** Refuses a request, or takes back an approval that was not used yet. */
export async function run({ args, client, answer }: Context): Promise<number> {
  const [id = ""] = args;
  const { approval } = await client.decideApproval({ id, allow: false });
  answer({ approval }, () => describeApproval(approval));
  return 0;
}
