import type { Attempts } from "../clients/attempts.js";
import type { Clients } from "../clients/clients.js";
import type { CallRecord } from "../mcp/call.js";
import type { Audit } from "./audit.js";
import type { EngineDeps } from "./engine.js";
import type { Metrics } from "./metrics.js";
import { recordArrival, recordSighting, recordStep, recordTunnel } from "./sightings.js";
import type { SignInService } from "./sign-in.js";
import type { TunnelService } from "./tunnel.js";

export interface ObserversDeps {
  readonly clients: Clients;
  readonly attempts: Attempts;
  readonly audit: Audit;
  /** Made later than the engine, which it measures. */
  readonly metrics: () => Metrics;
  readonly signIn: SignInService;
  readonly tunnel: TunnelService;
  readonly onCall: ((record: CallRecord) => void) | undefined;
}

/** Hands what the engine sees to everybody who keeps something of it. */
export function createObservers(
  deps: ObserversDeps,
): Required<Pick<EngineDeps, "onClientStep" | "onBegin" | "onCall" | "onRequest">> {
  const { clients, attempts, audit, metrics, signIn, tunnel, onCall } = deps;
  return {
    onClientStep(seen) {
      const step = { ...seen, clientId: signIn.knownClientId(seen.clientId) };
      recordStep(attempts, step);
      audit.refused(step);
      metrics().step(step);
    },
    onBegin: audit.begin,
    onCall(record) {
      audit.call(record);
      metrics().call(record);
      onCall?.(record);
    },
    onRequest(record) {
      recordSighting(clients, record);
      recordArrival(attempts, record, signIn.clientIdOf(record.principal.id));
      recordTunnel(tunnel, record);
    },
  };
}
