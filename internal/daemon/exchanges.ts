import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../clock/clock.js";

type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/** Knows whether any HTTP exchange is under way, from its head to the last byte of its answer. */
export interface Exchanges {
  /** The same handler, watched. */
  watch(handler: Handler): Handler;
  /** Settles when none is under way, after `ms` at the latest. */
  idle(ms: number): Promise<void>;
}

export function createExchanges(clock: Clock): Exchanges {
  const open = new Set<ServerResponse>();
  const waiting = new Set<() => void>();
  return {
    watch: (handler) => (req, res) => {
      open.add(res);
      res.once("close", () => {
        open.delete(res);
        if (open.size === 0) for (const done of waiting) done();
      });
      handler(req, res);
    },
    async idle(ms) {
      if (open.size === 0) return;
      await new Promise<void>((resolve) => {
        const cancel = clock.after(ms, resolve);
        waiting.add(() => {
          cancel();
          resolve();
        });
      });
    },
  };
}
