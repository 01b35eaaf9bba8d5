import { Fault } from "../errs/errs.js";
import type { AdminBackend, PassBackend, SignInBackend, TunnelBackend } from "./backend.js";
import type { SecretKind } from "./types.js";

interface Request {
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}

type Answer = (backend: AdminBackend, request: Request) => object | Promise<object>;

interface Route {
  readonly GET?: Answer | "logs" | "metrics";
  readonly POST?: Answer;
}

/** The methods of each path. */
export const routes: Readonly<Record<string, Route>> = {
  "/v1/status": { GET: (backend) => backend.status() },
  "/v1/workspaces": { GET: (backend) => backend.workspaces() },
  "/v1/clients": { GET: (backend) => backend.clients() },
  "/v1/attempts": { GET: (backend) => backend.attempts() },
  "/v1/config": { GET: (backend, { query }) => backend.config({ sources: query.has("sources") }) },
  "/v1/logs": { GET: "logs" },
  "/v1/metrics": { GET: "metrics" },
  "/v1/reload": { POST: reload },
  "/v1/rotate-secret": { POST: rotateSecret },
  "/v1/grants": { GET: (backend) => ({ grants: backend.signIn?.list() ?? [] }) },
  "/v1/grants/revoke": { POST: revokeGrant },
  "/v1/grants/access": { POST: setAccess },
  "/v1/auth/unlock": { POST: (backend) => signInOf(backend).unlock() },
  "/v1/pass": { POST: (backend) => passOf(backend).issue() },
  "/v1/pass/end": { POST: endPass },
  "/v1/approvals": {
    GET: (backend) => ({ approvals: backend.approvals?.list() ?? [] }),
    POST: decideApproval,
  },
  "/v1/undo": {
    GET: async (backend) => ({ entries: (await backend.undo?.list()) ?? [] }),
    POST: undo,
  },
  "/v1/tunnel": { GET: ({ tunnel }) => ({ tunnel: tunnel?.report() ?? null }) },
  "/v1/tunnel/restart": { POST: async (backend) => ({ tunnel: await tunnelOf(backend).restart() }) },
  "/v1/tunnel/test": { POST: async (backend) => ({ tunnel: await tunnelOf(backend).test() }) },
  "/v1/prove": { POST: (backend) => backend.prove() },
};

/** A refusal before any backend is asked, with the HTTP status it deserves. */
export class Refusal extends Fault {
  readonly status: number;
  constructor(status: number, message: string, hint?: string) {
    super(status === 400 || status === 413 ? "INVALID_ARGUMENT" : "REFUSED", message, hint ? { hint } : {});
    this.status = status;
  }
}

function reload(backend: AdminBackend, { body }: Request): Promise<object> {
  const { dry_run: dryRun = false, if_generation: ifGeneration } = body;
  if (typeof dryRun !== "boolean") throw new Refusal(400, "dry_run must be true or false");
  if (ifGeneration !== undefined && typeof ifGeneration !== "number") {
    throw new Refusal(400, "if_generation must be a number");
  }
  return backend.reload({ dryRun, ifGeneration });
}

function rotateSecret(backend: AdminBackend, { body }: Request): Promise<object> {
  const { kind, revoke = false } = body;
  if (kind !== undefined && !isSecretKind(kind))
    throw new Refusal(400, "kind must be password, bearer, signing-key or all");
  if (typeof revoke !== "boolean") throw new Refusal(400, "revoke must be true or false");
  return backend.rotateSecret({ kind, revoke });
}

function isSecretKind(value: unknown): value is SecretKind {
  return value === "password" || value === "bearer" || value === "signing-key" || value === "all";
}

async function revokeGrant(backend: AdminBackend, { body: { id } }: Request): Promise<object> {
  if (typeof id !== "string") throw new Refusal(400, "id must be a string");
  return { grant: await signInOf(backend).revoke(id) };
}

async function setAccess(backend: AdminBackend, { body }: Request): Promise<object> {
  const { id, profile, workspaces } = body;
  if (typeof id !== "string") throw new Refusal(400, "id must be a string");
  if (profile !== undefined && profile !== "read-only" && profile !== "full")
    throw new Refusal(400, "profile must be read-only or full");
  if (workspaces !== undefined && workspaces !== null && !isListOfTexts(workspaces))
    throw new Refusal(400, "workspaces must be null or a list of ids that is not empty");
  if (profile === undefined && workspaces === undefined)
    throw new Refusal(400, "profile or workspaces must be given");
  return { grant: await signInOf(backend).setAccess(id, { profile, workspaces }) };
}

function isListOfTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string");
}

function signInOf({ signIn }: AdminBackend): SignInBackend {
  if (signIn === undefined) throw noSignIn();
  return signIn;
}

function passOf({ pass }: AdminBackend): PassBackend {
  if (pass === undefined) throw noSignIn();
  return pass;
}

function endPass(backend: AdminBackend): object {
  passOf(backend).end();
  return {};
}

function noSignIn(): Fault {
  return new Fault("REFUSED", "no client signs in here: auth.mode has no oauth", {
    hint: "set auth.mode to oauth or oauth+bearer in the config",
  });
}

function tunnelOf({ tunnel }: AdminBackend): TunnelBackend {
  if (tunnel === undefined) {
    throw new Fault("REFUSED", "no tunnel is configured", { hint: "set one up: ctmcpctl tunnel setup" });
  }
  return tunnel;
}

function decideApproval(backend: AdminBackend, { body }: Request): object {
  const { id, allow, for_seconds: forSeconds } = body;
  if (typeof id !== "string") throw new Refusal(400, "id must be a string");
  if (typeof allow !== "boolean") throw new Refusal(400, "allow must be true or false");
  const timed = typeof forSeconds === "number" && forSeconds >= 1 && forSeconds <= 3_600;
  if (forSeconds !== undefined && !timed)
    throw new Refusal(400, "for_seconds must be a number from 1 to 3600");
  if (backend.approvals === undefined) {
    throw new Fault("NOT_FOUND", `no request ${id}: nothing that is served can ask for a permission`);
  }
  return { approval: backend.approvals.decide({ id, allow, forSeconds: timed ? forSeconds : undefined }) };
}

async function undo(backend: AdminBackend, { body }: Request): Promise<object> {
  const { id } = body;
  if (id !== undefined && typeof id !== "string") throw new Refusal(400, "id must be a string");
  if (backend.undo === undefined) {
    throw new Fault("NOT_FOUND", "there is nothing to undo: nothing that is served can change files");
  }
  return { undone: await backend.undo.undo(id) };
}
