import type { AttemptNote, Attempts } from "../clients/attempts.js";
import type { Clients } from "../clients/clients.js";
import type { ClientStep } from "../httpd/client-step.js";
import { clientInfoOf } from "../mcp/era.js";
import type { RequestRecord } from "../mcp/http.js";
import { type TunnelService, tunnelPassId } from "./tunnel.js";

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

/** Notes how far a client came on its way in. */
export function recordStep(attempts: Attempts, client: ClientStep): void {
  const { userAgent, clientId, status, detail } = client;
  // A credential that does not do is most often an old one, at the first request of a connection.
  const step = client.step === "mcp" ? "initialize" : client.step;
  if (step === "revoke") return;
  attempts.note({
    userAgent,
    source: clientId,
    step,
    result: status < 400 ? "ok" : "refused",
    status,
    detail,
  });
}

/** Notes that a client arrived; `clientId` is the OAuth client it signed in as. Requests after the first of a kind say nothing more. */
export function recordArrival(
  attempts: Attempts,
  { userAgent, request, view }: RequestRecord,
  clientId: string | undefined,
): void {
  const step = arrivals[request.method];
  if (step === undefined) return;
  const detail = step === "list" ? `${view.catalogue.tools.size} tools` : undefined;
  attempts.note({ userAgent, source: clientId, step, result: "ok", detail });
}

/**
 * Notes that the tunnel brought a client's request. That it brought `initialize` proves nothing: its own program sends
 * that, to see whether the daemon is there.
 */
export function recordTunnel(tunnel: TunnelService, { tunnelMark, principal, request }: RequestRecord): void {
  if (request.method === "initialize") return;
  const mark = principal.id === tunnelPassId ? tunnel.pass.token() : tunnelMark;
  if (mark !== undefined) tunnel.arrived(mark);
}

const arrivals: Readonly<Record<string, AttemptNote["step"]>> = {
  initialize: "initialize",
  "server/discover": "initialize",
  "tools/list": "list",
  "tools/call": "call",
};
