import type { FaultRow } from "../types.js";

/** What the devtunnel program says. It hides why a session ended: a login that has run out shows as an open question. */
export const devtunnelFaults: readonly FaultRow[] = [
  {
    code: "DEVTUNNEL_OTHER_HOST",
    class: "blocked",
    text: "another program hosts this dev tunnel now; the service lets only one do so, and this one does not come back",
    hint: "end the other one, or make a tunnel for each machine; then run: ctmcpctl tunnel restart",
    pattern: /another host for the tunnel has connected/i,
    sample: "Connection to host tunnel relay closed. Another host for the tunnel has connected.",
  },
  {
    code: "DEVTUNNEL_LOGIN_MISSING",
    class: "blocked",
    text: "devtunnel is not logged in, or no longer; a login lasts some days",
    hint: "run: devtunnel user login",
    pattern:
      /not logged in|login (?:is )?required|devtunnel user login|unauthorized tunnel|does not have '\w+' access|to sign in, use a web browser/i,
    sample:
      "Tunnel service error: Request not permitted. Unauthorized tunnel access: expected one or more of [host].",
  },
  {
    code: "DEVTUNNEL_UNKNOWN",
    class: "blocked",
    text: "there is no dev tunnel with the id of tunnel.id; one is deleted after 30 days without use",
    hint: "see devtunnel list, or make it with: devtunnel create ID --expiration 30d",
    pattern: /tunnel not found|tunnel service error: not found/i,
    sample: "Tunnel not found: mcp.euw",
  },
  {
    code: "DEVTUNNEL_LIMIT",
    class: "blocked",
    text: "a limit of the dev tunnels service is reached",
    hint: "see devtunnel user limits, and delete tunnels or ports you no longer need",
    pattern: /limit (?:has been )?(?:reached|exceeded)|too many (?:tunnels|ports)|exceeded the limit/i,
    sample: "Tunnel service error: Forbidden. Limit exceeded: TunnelsPerUserPerLocation.",
  },
  {
    code: "DEVTUNNEL_ARGUMENTS",
    class: "blocked",
    text: "the dev tunnels service refuses how the tunnel is set up",
    hint: "see devtunnel show ID; the protocol is set on the port, with: devtunnel port update ID -p PORT --protocol http",
    pattern: /tunnel service error: invalid arguments|batch update of ports is not supported/i,
    sample:
      "Tunnel service error: Invalid arguments. Batch update of ports is not supported. Add, update, or delete ports individually instead.",
  },
];
