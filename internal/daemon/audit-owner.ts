import type {
  AdminBackend,
  PassBackend,
  SignInBackend,
  TunnelBackend,
  UndoBackend,
} from "../admin/backend.js";
import type { Audit } from "./audit.js";

/**
 * The same backend, with what the owner does recorded once it is done. What only looks is not; answers to requests for
 * permissions are where they are given, since not the owner alone gives them.
 */
export function auditOwner(backend: AdminBackend, { owner }: Audit): AdminBackend {
  const { undo } = backend;
  const recorded: Partial<AdminBackend> = {
    async rotateSecret(request) {
      const report = await backend.rotateSecret(request);
      owner("rotate_secret", { kind: report.kind, revoked: report.revoked });
      return report;
    },
    async reload(options) {
      const report = await backend.reload(options);
      if (!options.dryRun) owner("reload", { result: report.result });
      return report;
    },
    get signIn() {
      return backend.signIn && recordSignIn(backend.signIn, owner);
    },
    get pass() {
      return backend.pass && recordPass(backend.pass, owner);
    },
    get tunnel() {
      return backend.tunnel && recordTunnel(backend.tunnel, owner);
    },
    ...(undo && { undo: recordUndo(undo, owner) }),
  };
  return Object.create(backend, Object.getOwnPropertyDescriptors(recorded)) as AdminBackend;
}

type Owner = Audit["owner"];

function recordSignIn(signIn: SignInBackend, owner: Owner): SignInBackend {
  return {
    list: signIn.list,
    async revoke(id) {
      const grant = await signIn.revoke(id);
      owner("revoke", { grant: id, client: grant.client_name });
      return grant;
    },
    async setAccess(id, access) {
      const grant = await signIn.setAccess(id, access);
      owner("set_access", { grant: id, profile: grant.profile, workspaces: grant.workspaces });
      return grant;
    },
    unlock() {
      owner("unlock");
      return signIn.unlock();
    },
  };
}

function recordPass(pass: PassBackend, owner: Owner): PassBackend {
  return {
    issue() {
      owner("pass");
      return pass.issue();
    },
    end: pass.end,
  };
}

function recordTunnel(tunnel: TunnelBackend, owner: Owner): TunnelBackend {
  return {
    report: tunnel.report,
    test: tunnel.test,
    restart() {
      owner("restart_tunnel");
      return tunnel.restart();
    },
  };
}

function recordUndo(undo: UndoBackend, owner: Owner): UndoBackend {
  return {
    list: undo.list,
    async undo(id) {
      const undone = await undo.undo(id);
      owner("undo", { id: undone.id, workspace: undone.workspace, files: undone.changes });
      return undone;
    },
  };
}
