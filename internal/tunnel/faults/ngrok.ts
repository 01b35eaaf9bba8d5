import type { FaultRow, TunnelFault } from "../types.js";

const token =
  "take the authtoken from https://dashboard.ngrok.com/get-started/your-authtoken and write it to tunnel.token_file";
const plan = "remove what needs the plan, or change it at https://dashboard.ngrok.com/billing";
const domain =
  "reserve it at https://dashboard.ngrok.com/domains with the account of the authtoken, or set hostname to one you have";

/** Every error of ngrok carries its number; the words around it change and may hold the authtoken. */
function numbered(
  number: number,
  kind: TunnelFault["class"],
  { text, hint, sample }: { text: string; hint: string; sample: string },
): FaultRow {
  const err = `${sample}\n\nERR_NGROK_${number}\r\n`;
  return {
    code: `ERR_NGROK_${number}`,
    class: kind,
    text,
    hint,
    pattern: new RegExp(`\\bERR_NGROK_${number}\\b`),
    sample: JSON.stringify({ err, lvl: "eror", msg: "session closing", obj: "tunnels.session" }),
  };
}

/** What the agent says about itself; what it shows to visitors is recognised by the probe. */
export const ngrokFaults: readonly FaultRow[] = [
  numbered(105, "blocked", {
    text: "the ngrok authtoken is malformed",
    hint: token,
    sample:
      "authentication failed: The authtoken you specified does not look like a proper ngrok authtoken.\nYour authtoken: AUTHTOKEN",
  }),
  numbered(107, "blocked", {
    text: "the ngrok authtoken has been reset or revoked, or its account is closed",
    hint: token,
    sample:
      "authentication failed: The authtoken you specified is properly formed, but it is invalid.\nYour authtoken: AUTHTOKEN",
  }),
  numbered(300, "blocked", {
    text: "the ngrok authtoken has been revoked",
    hint: token,
    sample: "authentication failed: The authtoken has been revoked.",
  }),
  numbered(4018, "blocked", {
    text: "ngrok was given no authtoken",
    hint: token,
    sample: "authentication failed: Usage of ngrok requires a verified account and authtoken.",
  }),
  numbered(108, "backoff", {
    text: "the ngrok account has too many agents running",
    hint: "end the other one, listed at https://dashboard.ngrok.com/agents",
    sample: "authentication failed: Your account is limited to 1 simultaneous ngrok agent sessions.",
  }),
  numbered(120, "blocked", {
    text: "the ngrok agent is older than your account allows",
    hint: "run: ngrok update",
    sample: "authentication failed: Your ngrok-agent version is too old.",
  }),
  numbered(121, "blocked", {
    text: "the ngrok agent is too old",
    hint: "run: ngrok update",
    sample: "authentication failed: Your ngrok-agent version is no longer supported.",
  }),
  numbered(313, "blocked", {
    text: "a subdomain of your choice needs a paid ngrok plan",
    hint: `set hostname to the domain ngrok has assigned to you, or ${plan}`,
    sample: "Custom subdomains are a feature on ngrok's paid plans.",
  }),
  numbered(314, "blocked", {
    text: "a host name of your own needs a paid ngrok plan",
    hint: `set hostname to the domain ngrok has assigned to you, or ${plan}`,
    sample: "Custom hostnames are a feature on ngrok's paid plans.",
  }),
  numbered(319, "blocked", {
    text: "the host name is not reserved at ngrok",
    hint: domain,
    sample: "You must reserve the custom hostname before it can be bound.",
  }),
  numbered(320, "blocked", {
    text: "the host name is reserved for another ngrok account",
    hint: domain,
    sample: "The domain is reserved for another account.",
  }),
  numbered(15013, "blocked", {
    text: "the ngrok dev domain does not exist",
    hint: domain,
    sample: "The dev domain does not exist.",
  }),
  // Never to be cured by pooling: requests would be shared out between two daemons.
  numbered(334, "backoff", {
    text: "another ngrok agent serves this host name already",
    hint: "end the other one, listed at https://dashboard.ngrok.com/agents",
    sample: "failed to start tunnel: The endpoint is already online.",
  }),
  numbered(726, "blocked", {
    text: "the month's connections of the ngrok plan are used up",
    hint: "wait for the next month, or change the plan at https://dashboard.ngrok.com/billing",
    sample: "Your account has exceeded its connection limit.",
  }),
  numbered(727, "blocked", {
    text: "the month's requests of the ngrok plan are used up",
    hint: "wait for the next month, or change the plan at https://dashboard.ngrok.com/billing",
    sample: "Your account has exceeded its HTTP request limit.",
  }),
  numbered(9009, "blocked", {
    text: "ngrok is to go through a proxy, which its plan does not include",
    hint: plan,
    sample: "Running the agent with an http/s proxy is an enterprise feature.",
  }),
  {
    code: "NGROK_TOO_OLD",
    class: "blocked",
    text: "this ngrok agent does not know --url, which came with version 3.16",
    hint: "run: ngrok update",
    pattern: /unknown flag: --url|flag provided but not defined: -url/,
    sample: "ERROR:  unknown flag: --url",
  },
  {
    code: "NGROK_ADDRESS_IN_USE",
    class: "backoff",
    text: "ngrok found the local address of its own interface taken",
    hint: "end the other ngrok agent on this machine",
    pattern: /bind: address already in use/,
    sample:
      '{"err":"listen tcp 127.0.0.1:4040: bind: address already in use","lvl":"eror","msg":"terminating with error"}',
  },
];
