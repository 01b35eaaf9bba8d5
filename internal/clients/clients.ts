import type { Clock } from "../clock/clock.js";
import { clean, maxText } from "./text.js";

/** `legacy`: an initialize handshake (up to 2025-11-25). `modern`: an envelope on every request (2026-07-28). */
export type ProtocolEra = "legacy" | "modern";

/** One request, as the protocol layer saw it. Every string may come from outside; they are cleaned here. */
export interface Sighting {
  /** The principal's stable id. */
  readonly principal: string;
  readonly userAgent: string | undefined;
  /** The JSON-RPC method. */
  readonly method: string;
  /** The tool's name when the method is `tools/call`. */
  readonly tool?: string | undefined;
  /** What the client calls itself, when this request says so. */
  readonly client?: { readonly name: string; readonly version: string } | undefined;
  /** Known after the handshake or from the envelope. */
  readonly protocol?: { readonly era: ProtocolEra; readonly version: string } | undefined;
  /** The hash of the catalogue this request was answered with, when it was a `tools/list`. */
  readonly catalogue?: string | undefined;
}

/** One client as `ctmcpctl clients` shows it; serialised as it is. `null`: it never told. */
export interface ClientRecord {
  readonly principal: string;
  readonly user_agent: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly era: ProtocolEra | null;
  readonly protocol_version: string | null;
  /** RFC 3339. */
  readonly first_seen: string;
  readonly last_seen: string;
  readonly last_method: string;
  /** The tool of the last `tools/call`. */
  readonly last_tool: string | null;
  readonly requests: number;
  readonly tool_calls: number;
  /** Hash of the last tool list it was given; differs from the daemon's when it works from an old list. */
  readonly catalogue: string | null;
}

export interface Clients {
  /** Notes one request of a client. */
  record(sighting: Sighting): void;
  /** Everyone remembered, the latest first. */
  list(): readonly ClientRecord[];
  /** How many were seen in the last `ms` milliseconds. */
  active(ms: number): number;
}

export const maxClients = 200;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Changed in place, because every request comes by here. */
interface Entry {
  readonly record: Mutable<Omit<ClientRecord, "first_seen" | "last_seen">>;
  readonly first: number;
  last: number;
}

/**
 * Who connected, in memory only: one record for each principal and user agent, at most `maxClients`, the least
 * recently seen forgotten first.
 */
export function createClients(clock: Clock): Clients {
  // A Map keeps insertion order: re-inserting on each sighting makes its first key the oldest.
  const entries = new Map<string, Entry>();

  function find(seen: Sighting): Entry {
    const userAgent = seen.userAgent?.slice(0, maxText) ?? "";
    const key = `${seen.principal}\n${userAgent}`;
    const known = entries.get(key);
    const entry = known ?? newEntry(seen.principal, userAgent, clock.now());
    if (known) entries.delete(key);
    else if (entries.size >= maxClients) entries.delete(oldestKey());
    entries.set(key, entry);
    return entry;
  }

  function oldestKey(): string {
    for (const key of entries.keys()) return key;
    return "";
  }

  return {
    record(seen) {
      const entry = find(seen);
      const { record } = entry;
      entry.last = clock.now();
      record.requests += 1;
      record.last_method = clean(seen.method);
      if (seen.method === "tools/call") {
        record.tool_calls += 1;
        record.last_tool = clean(seen.tool ?? "");
      }
      if (seen.client) {
        record.name = clean(seen.client.name);
        record.version = clean(seen.client.version);
      }
      if (seen.protocol) {
        record.era = seen.protocol.era;
        record.protocol_version = clean(seen.protocol.version);
      }
      if (seen.catalogue !== undefined) record.catalogue = seen.catalogue;
    },
    list() {
      return [...entries.values()].reverse().map(({ record, first, last }) => ({
        ...record,
        first_seen: new Date(first).toISOString(),
        last_seen: new Date(last).toISOString(),
      }));
    },
    active(ms) {
      const since = clock.now() - ms;
      return [...entries.values()].filter((entry) => entry.last >= since).length;
    },
  };
}

function newEntry(principal: string, userAgent: string, now: number): Entry {
  const record = {
    principal,
    user_agent: clean(userAgent),
    name: null,
    version: null,
    era: null,
    protocol_version: null,
    last_method: "",
    last_tool: null,
    requests: 0,
    tool_calls: 0,
    catalogue: null,
  };
  return { record, first: now, last: now };
}
