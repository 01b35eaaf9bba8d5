import type { PassBackend } from "../admin/backend.js";
import type { Pass } from "../auth/pass.js";
import type { Logger } from "../log/log.js";

/** Answers the admin socket from the owner's pass. */
export function passBackend(pass: Pass, log: Logger): PassBackend {
  return {
    issue() {
      const { token, expiresAt } = pass.issue("read-only");
      const expires = new Date(expiresAt).toISOString();
      log.info("ctmcpctl was let in to read, to test the way of a client", { until: expires });
      return { token, expires_at: expires };
    },
    end: pass.end,
  };
}
