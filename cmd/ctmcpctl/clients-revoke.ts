import type { Context } from "./context.js";
import { findGrant, nameOf } from "./grants.js";
import { printable } from "./output.js";

/** Signs a client out; it has to ask the owner again. */
export async function run(context: Context): Promise<number> {
  const [text = ""] = context.args;
  const { id } = await findGrant(context, text);
  const { grant } = await context.client.revokeGrant(id);
  context.answer({ grant }, () => `signed out: ${printable(nameOf(grant))}`);
  return 0;
}
