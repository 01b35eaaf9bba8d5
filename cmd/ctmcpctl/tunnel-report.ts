import { Fault } from "../../internal/errs/errs.js";
import type { TunnelReport } from "../../internal/tunnel/types.js";
import { duration, printable, table } from "./output.js";

const noTunnel = {
  text: "no tunnel is configured: nobody but this machine reaches the daemon",
  hint: "set one up: ctmcpctl tunnel setup PROVIDER, one of cloudflared, ngrok, devtunnel, ssh",
};

/** The tunnel in a few labelled rows: state, how old that is, URL, and what is wrong with what to do. */
export function tunnelRows(report: TunnelReport | null): string[][] {
  // A daemon of an earlier version says nothing about tunnels.
  if (!report) return [["tunnel", "none"]];
  const { provider, state, since, url, verified_at: verifiedAt, next_start_at: nextStart, fault } = report;
  return [
    ["tunnel", `${state} for ${age(since)} (${runBy(provider)})`],
    ...(url === null ? [] : [["", url]]),
    ...(state === "verified" || verifiedAt === null ? [] : [["", `last verified ${age(verifiedAt)} ago`]]),
    ...(nextStart === null ? [] : [["", `starts again at ${nextStart}`]]),
    ...(fault === null
      ? []
      : [
          ["", `${fault.code}: ${fault.text}`],
          ["", `fix: ${fault.hint}`],
        ]),
  ];
}

/** All there is about the tunnel, with the last lines of its program. */
export function describeTunnel(report: TunnelReport | null): string {
  if (report === null) return `${noTunnel.text}\n${noTunnel.hint}`;
  const { provider, pid, restarts, lines } = report;
  const program = [
    ["program", pid === null ? "not running" : `pid ${pid}`],
    ["restarts", String(restarts)],
  ];
  const rows = [...tunnelRows(report), ...(provider === "none" ? [] : program)];
  return [table(rows), ...lines.map((line) => `  | ${printable(line)}`)].join("\n");
}

/** UNHEALTHY when the tunnel is not verified, with what its own fault says to do; undefined when it is. */
export function unverified(report: TunnelReport | null): Fault | undefined {
  if (!report) return new Fault("UNHEALTHY", noTunnel.text, { hint: noTunnel.hint });
  const { state, fault, provider } = report;
  if (state === "verified") return undefined;
  const words = `the tunnel (${runBy(provider)}) is ${state}`;
  if (fault === null)
    return new Fault("UNHEALTHY", words, { hint: "see what it says: ctmcpctl tunnel status" });
  return new Fault("UNHEALTHY", `${words}: ${fault.text}`, {
    hint: fault.hint,
    details: { code: fault.code },
  });
}

/**
 * The same of a test that was begun at `begun`, in milliseconds since the epoch: one failure alone leaves the state as it is,
 * and yet that test has failed.
 */
export function failedTest(report: TunnelReport | null, begun: number): Fault | undefined {
  const fault = unverified(report);
  // Without a public URL nothing is sent, and clients' requests tell.
  if (fault !== undefined || !report || report.url === null) return fault;
  const { provider, verified_at: verifiedAt } = report;
  if (verifiedAt !== null && Date.parse(verifiedAt) >= begun) return undefined;
  const words = `the tunnel (${runBy(provider)}) was verified ${verifiedAt === null ? "before" : `${age(verifiedAt)} ago`}`;
  return new Fault("UNHEALTHY", `${words}, and the request sent just now did not arrive`, {
    hint: "once more tells what is wrong: ctmcpctl tunnel test",
  });
}

function runBy(provider: string): string {
  return provider === "none" ? "run by somebody else" : provider;
}

function age(time: string): string {
  return duration((Date.now() - Date.parse(time)) / 1_000);
}
