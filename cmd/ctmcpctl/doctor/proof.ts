import type { AdminClient } from "../../../internal/admin/client.js";
import type { StatusReport } from "../../../internal/admin/types.js";
import { Fault } from "../../../internal/errs/errs.js";
import { fail, type Row } from "./row.js";

/**
 * Why no credential may be sent to where clients come in: somebody else may answer there. Undefined when that is an
 * address of this machine, or when the daemon has just reached itself through it.
 */
export async function whyUnproven(
  client: Pick<AdminClient, "prove">,
  { listen: { public_url: url } }: Pick<StatusReport, "listen">,
): Promise<Row | undefined> {
  if (url === null) return undefined;
  const { text, hint } = await ask(client, url);
  if (text === undefined) return undefined;
  const why = `no credential is sent to ${url} unless it is proven to lead to this daemon: ${text}`;
  return fail("mcp.initialize", `initialize and tools/list: not tried; ${why}`, hint);
}

/** `text` says what stands in the way of a proof; undefined: nothing does. */
async function ask(
  client: Pick<AdminClient, "prove">,
  url: string,
): Promise<{ readonly text?: string; readonly hint: string }> {
  try {
    const proof = await client.prove();
    if (proof.url === url) return { hint: "" };
    return proof.fault ?? { text: "the daemon has another public url by now", hint: "run it again" };
  } catch (error) {
    // A daemon of an earlier version proves nothing.
    if (!(error instanceof Fault)) throw error;
    return { text: error.message, hint: error.hint ?? "restart the daemon" };
  }
}
