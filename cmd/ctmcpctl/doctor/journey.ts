import type { AdminClient } from "../../../internal/admin/client.js";
import type { StatusReport } from "../../../internal/admin/types.js";
import { systemClock } from "../../../internal/clock/clock.js";
import { createExchange } from "../../../internal/tunnel/exchange.js";
import { checkCard, checkNoSignIn, checkResource, checkServer } from "./discovery.js";
import type { Outside } from "./outside.js";
import { whyUnproven } from "./proof.js";
import { fail, ok, type Row, warn } from "./row.js";
import { checkChallenge, checkSession } from "./session.js";
import { checkSignIn } from "./sign-in.js";

export interface OutsideOptions {
  readonly client: Pick<AdminClient, "prove">;
  readonly status: StatusReport;
  /** What calls are made with; see `withToken`. */
  readonly token: string | undefined;
  readonly signal: AbortSignal;
}

/** Where clients come in: the public URL, or this machine's own where there is none. */
export function outsideOf({ client, status, token, signal }: OutsideOptions): Outside {
  const url = status.listen.public_url ?? status.listen.url;
  return {
    origin: new URL(url).origin,
    url,
    mode: status.auth.mode,
    token,
    whyUnproven: () => whyUnproven(client, status),
    exchange: createExchange({ clock: systemClock }),
    signal,
  };
}

/**
 * Goes the way of a client step by step, and shows each as it is taken. Returns false, and goes no further, when not even
 * the first request arrives.
 */
export async function checkJourney(outside: Outside, show: (rows: readonly Row[]) => void): Promise<boolean> {
  const card = await checkCard(outside);
  show(card);
  if (hasFailed(card)) return false;
  if (outside.mode.startsWith("oauth")) {
    show([await checkResource(outside)]);
    const { row, document } = await checkServer(outside);
    show([row]);
    if (document !== undefined) show(await checkSignIn(outside, document));
  } else {
    show([await checkNoSignIn(outside)]);
  }
  show(await checkCalls(outside));
  return true;
}

/** What a client does that is signed in, or the first of it where there is no token to try more. */
export async function checkCalls(outside: Outside): Promise<readonly Row[]> {
  if (outside.mode === "none") return checkSession(outside);
  const challenge = await checkChallenge(outside);
  if (outside.token !== undefined) {
    const unproven = await outside.whyUnproven();
    return [challenge, ...(unproven === undefined ? await checkSession(outside) : [unproven])];
  }
  const text = "initialize and tools/list: not tried, since the bearer token cannot be read";
  return [challenge, warn("mcp.initialize", text, "see what is said of its file above")];
}

/** After a failure outside: whether the daemon itself answers, which tells the side the fault is on. */
export async function checkLoopback(outside: Outside, { listen }: StatusReport): Promise<Row> {
  const inside = { ...outside, url: listen.url, origin: new URL(listen.url).origin };
  const [card] = await checkCard(inside);
  if (card?.status === "ok") {
    return ok(
      "loopback",
      `the daemon itself answers at ${inside.origin}: the fault lies between it and ${outside.origin}`,
    );
  }
  return fail("loopback", `nor does the daemon answer at ${inside.origin}`, "see its log: ctmcpctl logs");
}

function hasFailed(rows: readonly Row[]): boolean {
  return rows.some(({ status }) => status === "fail");
}
