import { createHash } from "node:crypto";
import { isDocumentId } from "../auth/oauth/client-document.js";
import { grantIdOf } from "../auth/oauth/oauth-auth.js";
import { type AuthorizationServer, openAuthorizationServer, type SignIn } from "../auth/oauth/server.js";
import type { AuthEvent, Site } from "../auth/oauth/types.js";
import type { Clock } from "../clock/clock.js";
import { type Config, usesOAuth } from "../config/config.js";
import type { Health } from "../health/health.js";
import type { Log } from "../log/log.js";
import { type Address, originOf } from "./addresses.js";

export interface SignInDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly uid: number;
  readonly health: Health;
  /** Keeps a secret out of the log. */
  readonly redact: (secret: string) => void;
  /** A client's access was given, changed or taken away. */
  readonly onChange: () => void;
  /** Something happened that belongs into the record. */
  readonly onEvent: (event: AuthEvent) => void;
}

/** Sign-in of one daemon: opened by the first configuration that asks for it, kept across the others. */
export interface SignInService {
  /** For the engine: what `config` makes of it; undefined when clients do not sign in under it. */
  prepare(config: Config): Promise<((address: Address) => SignIn) | undefined>;
  /** Sees to it that the owner knows when nobody can sign in under `config`, which is in force. */
  review(config: Config): void;
  /** The OAuth client behind a principal; undefined when it did not sign in. */
  clientIdOf(principalId: string): string | undefined;
  /** The id of a client that exists; a stranger may send anything as one, even a secret in the wrong place. */
  knownClientId(given: string | undefined): string | undefined;
  /** undefined before a configuration has asked for it. */
  server(): AuthorizationServer | undefined;
}

export function createSignInService(deps: SignInDeps): SignInService {
  const { clock, log, uid, health, onChange } = deps;
  let opened: AuthorizationServer | undefined;
  return {
    server: () => opened,
    clientIdOf(principalId) {
      const id = grantIdOf(principalId);
      return id === undefined ? undefined : opened?.grants.get(id)?.clientId;
    },
    knownClientId: (given) =>
      given !== undefined && (isDocumentId(given) || opened?.isRegistered(given)) ? given : undefined,
    review(config) {
      const given = config.auth.oauth.password !== undefined || opened?.password.isSet();
      if (!usesOAuth(config) || given) health.clear("PASSWORD_MISSING");
      else health.set("PASSWORD_MISSING", passwordMissing);
    },
    async prepare(config) {
      if (!usesOAuth(config)) return undefined;
      const { password, tokenSecret } = config.auth.oauth;
      for (const secret of [password, tokenSecret]) if (secret !== undefined) deps.redact(secret);
      opened ??= await openAuthorizationServer({
        stateDir: config.stateDir,
        uid,
        clock,
        tokenSecret: tokenSecret === undefined ? undefined : Buffer.from(tokenSecret, "hex"),
        onChange,
        onEvent(event) {
          record(log, event);
          deps.onEvent(event);
        },
        onFailure: (error) => log.error("sign-in: the state was not written", { error }),
        onDamaged: (kept, reason) => reportDamage(health, log, kept, reason),
      });
      const server = opened;
      return (address) => server.at(siteOf(config, address));
    },
  };
}

function siteOf(config: Config, address: Address): Site {
  const { oauth } = config.auth;
  return {
    origin: originOf(config, address),
    workspaces: config.workspaces.map(({ id, path, profile }) => ({ id, path, profile })),
    password: oauth.password,
    accessTtlS: oauth.accessTokenTtl,
    refreshTtlS: oauth.refreshTokenTtl,
    refreshGraceS: oauth.refreshGrace,
    redirectUris: oauth.redirectUris,
    clients: oauth.clients.map(({ id, secret, redirectUris }) => ({
      id,
      kind: "configured",
      name: id,
      redirectUris,
      authMethod: secret === undefined ? "none" : "client_secret_post",
      secretHash: secret === undefined ? undefined : createHash("sha256").update(secret).digest("hex"),
    })),
    sourceHeader: config.tunnel?.provider === "cloudflared" ? "cf-connecting-ip" : undefined,
  };
}

const passwordMissing = {
  severity: "error",
  text: "no client can sign in: there is no password yet",
  fix: "ctmcpctl rotate-secret password",
} as const;

/** What the owner should see without looking for it. */
const notable: ReadonlySet<AuthEvent["event"]> = new Set([
  "consent_given",
  "password_wrong",
  "password_throttled",
  "code_replayed",
  "refresh_replayed",
  "grant_changed",
  "grant_revoked",
]);

function record(log: Log, { event, clientId, grantId, detail }: AuthEvent): void {
  const fields = { event, client_id: clientId, grant: grantId, detail };
  if (notable.has(event)) log.notice("sign-in", fields);
  else log.info("sign-in", fields);
}

function reportDamage(health: Health, log: Log, kept: string, reason: string): void {
  const text = `a state file was damaged (${reason}) and set aside as ${kept}`;
  log.error(text);
  health.set("STATE_DAMAGED", {
    severity: "error",
    text,
    fix: "clients it held must sign in again; look at the file, then remove it",
  });
}
