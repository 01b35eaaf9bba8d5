import type { Provider } from "../types.js";

/** A tunnel or reverse proxy that somebody else runs: nothing to start, only to verify. */
export function none(): Provider {
  return {
    isStable: true,
    program: undefined,
    faults: [],
    launch: () => Promise.reject(new Error("provider none has no program to start")),
  };
}
