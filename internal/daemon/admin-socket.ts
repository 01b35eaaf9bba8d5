import { type AdminServer, createAdminServer } from "../admin/server.js";
import { socketPath } from "../config/paths.js";
import { version } from "../version/version.js";
import type { Audit } from "./audit.js";
import { auditOwner } from "./audit-owner.js";
import { type BackendDeps, createBackend } from "./backend.js";
import { createSecrets } from "./secrets.js";
import { rotateToken } from "./token.js";

export interface AdminSocketDeps extends Omit<BackendDeps, "rotateSecret"> {
  readonly uid: number;
  /** Absolute; the socket lies in it. */
  readonly runtimeDir: string;
  readonly audit: Audit;
}

/** Opens the owner's way in; what the owner does by it is recorded. Faults: as of createAdminServer. */
export function openAdminSocket(deps: AdminSocketDeps): Promise<AdminServer> {
  const { uid, runtimeDir, log, audit } = deps;
  return createAdminServer({
    socketPath: socketPath(runtimeDir),
    uid,
    version,
    onError: (error) => log.error("admin request failed", { error }),
    backend: auditOwner(createBackend({ ...deps, rotateSecret: rotation(deps) }), audit),
  });
}

function rotation({
  clock,
  redactor,
  engine,
  reloader,
  signIn,
  uid,
}: AdminSocketDeps): BackendDeps["rotateSecret"] {
  const config = () => engine.current().config;
  return createSecrets({
    onRotated: () => signIn.review(config()),
    config,
    server: () => signIn.server(),
    redact: (secret) => redactor.add(secret),
    now: () => clock.now(),
    async rotateBearer() {
      const secret = await rotateToken(config(), uid);
      redactor.add(secret);
      await reloader.refresh();
      return secret;
    },
  }).rotate;
}
