import type { SignInBackend } from "../admin/backend.js";
import type { GrantReport } from "../admin/types.js";
import type { AuthorizationServer } from "../auth/oauth/server.js";
import type { Grant } from "../auth/oauth/types.js";
import type { Config } from "../config/config.js";
import { Fault } from "../errs/errs.js";

/** Answers the owner's questions about who signed in. `config` is the one in force. */
export function grantsBackend(server: AuthorizationServer, config: () => Config): SignInBackend {
  const { grants } = server;
  return {
    list: () => [...grants.list()].sort((a, b) => b.usedAt - a.usedAt).map(report),
    async revoke(id) {
      const grant = find(id);
      await grants.revoke(id);
      return report(grant);
    },
    async setAccess(id, { profile, workspaces }) {
      find(id);
      const served = config().workspaces.map((workspace) => workspace.id);
      const unknown = workspaces?.find((workspace) => !served.includes(workspace));
      if (unknown !== undefined) {
        throw new Fault("NOT_FOUND", `there is no workspace ${unknown}`, {
          hint: `there are ${served.join(", ")}`,
        });
      }
      const access = {
        ...(profile !== undefined && { profile }),
        ...(workspaces !== undefined && { workspaces: workspaces && [...workspaces] }),
      };
      await grants.setAccess(id, access);
      return report(find(id));
    },
    unlock: () => ({ cleared: server.unlock() }),
  };

  function find(id: string): Grant {
    const grant = grants.get(id);
    if (grant !== undefined) return grant;
    throw new Fault("NOT_FOUND", `no client has the id ${id}`, { hint: "see: ctmcpctl clients" });
  }
}

function report(grant: Grant): GrantReport {
  const time = (ms: number): string => new Date(ms).toISOString();
  return {
    id: grant.id,
    client_id: grant.clientId,
    client_name: grant.clientName,
    redirect_host: grant.redirectHost,
    workspaces: grant.workspaces,
    profile: grant.profile,
    created_at: time(grant.createdAt),
    used_at: time(grant.usedAt),
    expires_at: time(grant.expiresAt),
  };
}
