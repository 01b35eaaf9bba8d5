import { Resolver } from "node:dns/promises";
import type { Clock } from "../../clock/clock.js";
import { parseJson } from "../../jsonx/parse.js";
import { createDialGuard, guardedLookup, type MayDial, type Resolve } from "./dial-guard.js";

/** Bytes of a document, as the draft recommends. */
const largest = 5_120;
/** Milliseconds for all of it: name, connection, TLS, answer. */
const longest = 3_000;
/** Seconds a document is kept, whatever its headers say. */
const keepAtLeast = 300;
const keepAtMost = 86_400;

export interface FetchedDocument {
  readonly value: unknown;
  /** Seconds it may be kept. */
  readonly maxAge: number;
}

export type FetchDocument = (url: string) => Promise<FetchedDocument>;

export interface DocumentFetchDeps {
  readonly clock: Clock;
  /** Tests have hosts and a certificate authority of their own. */
  readonly resolve?: Resolve;
  readonly mayDial?: MayDial;
  readonly ca?: Buffer;
}

/**
 * Fetches JSON from an https URL that a stranger chose: from public addresses only, never through a redirect or a proxy,
 * at most 5,120 bytes in 3 seconds. Nothing of the request that caused it is sent. Rejects when it does not get it.
 */
export function createDocumentFetch({
  clock,
  resolve = resolveName,
  mayDial = createDialGuard(),
  ca,
}: DocumentFetchDeps): FetchDocument {
  return async (url) => {
    // Loaded when it is needed: most daemons never fetch a document.
    const { Agent, request } = await import("undici");
    const connect = { lookup: guardedLookup(resolve, mayDial), timeout: longest, ...(ca && { ca }) };
    const agent = new Agent({ connect, maxResponseSize: largest });
    // Not a signal: that ends no request whose connection is still being made.
    const cancel = clock.after(longest, () => {
      void agent.destroy(new Error(`no answer within ${longest} ms`));
    });
    try {
      const { statusCode, headers, body } = await request(url, {
        dispatcher: agent,
        headers: { accept: "application/json", "accept-encoding": "identity" },
      });
      if (statusCode !== 200) throw new Error(`the answer has status ${statusCode}`);
      const type = String(headers["content-type"] ?? "");
      if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type))
        throw new Error("the answer is not json");
      const value = parseJson(await body.bytes());
      return { value, maxAge: maxAgeOf(String(headers["cache-control"] ?? "")) };
    } finally {
      cancel();
      // Not awaited: it may wait for such a connection too.
      void agent.destroy();
    }
  };
}

/**
 * Asks the name servers directly. `dns.lookup` would wait in the thread pool that file access needs, for as long as the
 * name servers of a stranger like. Does not read /etc/hosts, nor add search domains: public names need neither.
 */
async function resolveName(hostname: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 1_000, tries: 2 });
  const found = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
  return found.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
}

function maxAgeOf(cacheControl: string): number {
  const stated = /(?:^|,)\s*max-age=(\d+)/i.exec(cacheControl)?.[1];
  const keep = /\bno-(?:store|cache)\b/i.test(cacheControl) ? 0 : Number(stated ?? 0);
  return Math.min(Math.max(keep, keepAtLeast), keepAtMost);
}
