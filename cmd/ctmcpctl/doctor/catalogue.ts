import type { AdminClient } from "../../../internal/admin/client.js";
import type { StatusReport } from "../../../internal/admin/types.js";
import { ownAgent } from "../../../internal/tunnel/exchange.js";
import { ok, type Row } from "./row.js";

const longestList = 5;

/**
 * Which tools are served, and which each client has seen last. Another list may be an old one that the client keeps, or
 * that of a client which may do less: a row to read, and no warning.
 */
export async function checkCatalogue(
  client: Pick<AdminClient, "clients">,
  { catalogue }: Pick<StatusReport, "catalogue">,
): Promise<Row> {
  const { clients } = await client.clients();
  const fetched = clients.filter((it) => it.user_agent !== ownAgent && it.catalogue !== null);
  const seen = fetched.slice(0, longestList).map(({ name, user_agent: agent, catalogue: hash }) => {
    const who = name ?? (agent || "a client");
    return `${who} has ${hash === catalogue.hash ? "it" : hash}`;
  });
  const last = seen.length === 0 ? "no client has fetched it since the daemon started" : seen.join(", ");
  return ok("catalogue", `catalogue: ${catalogue.count} tools, ${catalogue.hash}; ${last}`);
}
