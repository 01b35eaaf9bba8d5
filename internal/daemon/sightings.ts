import type { Clients } from "../clients/clients.js";
import { clientInfoOf } from "../mcp/era.js";
import type { RequestRecord } from "../mcp/http.js";

/** Notes a request in the client list. */
export function recordSighting(clients: Clients, record: RequestRecord): void {
  const { principal, userAgent, era, version, request, view } = record;
  const { name } = request.params;
  clients.record({
    principal: principal.id,
    userAgent,
    method: request.method,
    tool: request.method === "tools/call" && typeof name === "string" ? name : undefined,
    client: clientInfoOf(request),
    protocol: version === undefined ? undefined : { era, version },
    catalogue: request.method === "tools/list" ? view.catalogue.hash : undefined,
  });
}
