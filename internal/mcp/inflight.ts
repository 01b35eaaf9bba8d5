import type { RequestId } from "./jsonrpc.js";

/** Calls that are running, so that `notifications/cancelled` finds the one it means. */
export interface InFlight {
  /** Registers a running call; returns the function that forgets it. */
  add(caller: string, id: RequestId, abort: () => void): () => void;
  /** Aborts the call it names. An ambiguous name is ignored: two clients may share a token and an id. */
  cancel(caller: string, id: RequestId): boolean;
  /** Aborts everything, on shutdown. */
  abortAll(): void;
}

/** `caller` must tell apart clients as well as the transport can: principal and remote hints, or the connection. */
export function createInFlight(): InFlight {
  const running = new Map<string, Set<() => void>>();
  return {
    add(caller, id, abort) {
      const key = keyOf(caller, id);
      const same = running.get(key) ?? new Set();
      running.set(key, same.add(abort));
      return () => {
        same.delete(abort);
        if (same.size === 0 && running.get(key) === same) running.delete(key);
      };
    },
    cancel(caller, id) {
      const same = running.get(keyOf(caller, id));
      if (same?.size !== 1) return false;
      for (const abort of same) abort();
      return true;
    },
    abortAll() {
      for (const same of running.values()) for (const abort of same) abort();
    },
  };
}

function keyOf(caller: string, id: RequestId): string {
  return `${caller}\n${typeof id}:${id}`;
}
