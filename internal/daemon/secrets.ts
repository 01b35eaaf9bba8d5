import type { RotateReport, RotateRequest, SecretKind } from "../admin/types.js";
import type { AuthorizationServer } from "../auth/oauth/server.js";
import { type Config, usesBearer, usesOAuth } from "../config/config.js";
import { Fault } from "../errs/errs.js";

export interface SecretsDeps {
  readonly config: () => Config;
  /** Makes a new bearer token and puts it in force. REFUSED when the configuration names another place for it. */
  readonly rotateBearer: () => Promise<string>;
  /** undefined: clients do not sign in. */
  readonly server: () => AuthorizationServer | undefined;
  /** Keeps a new secret out of the log. */
  readonly redact: (secret: string) => void;
  /** Called once all of them are in force. */
  readonly onRotated: () => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Makes new secrets for the owner. What can be refused is refused before anything is changed. */
export function createSecrets({ config, rotateBearer, server, redact, onRotated, now }: SecretsDeps): {
  rotate(request: RotateRequest): Promise<Omit<RotateReport, "schema">>;
} {
  return {
    async rotate({ kind = defaultKind(config()), revoke }) {
      const kinds = kindsOf(kind, config());
      for (const each of kinds) refuseGiven(each, config());
      const secrets: { password?: string; bearer?: string } = {};
      let endsAt: number | null = null;
      // The bearer token first: its file is the one that may turn out to be in the way.
      if (kinds.includes("bearer")) secrets.bearer = await rotateBearer();
      if (kinds.includes("password")) {
        const password = await signIn().password.replace();
        redact(password);
        secrets.password = password;
      }
      if (kinds.includes("signing-key")) {
        // As long as the tokens it has signed may live.
        const overlapS = revoke ? 0 : config().auth.oauth.accessTokenTtl;
        await signIn().rotateKey(overlapS);
        if (!revoke) endsAt = now() + overlapS * 1_000;
      }
      const revoked = revoke && usesOAuth(config()) ? await signIn().grants.revokeAll() : 0;
      onRotated();
      return {
        kind,
        secrets,
        revoked,
        old_key_ends_at: endsAt === null ? null : new Date(endsAt).toISOString(),
      };
    },
  };

  function signIn(): AuthorizationServer {
    const opened = server();
    if (opened === undefined) throw new Fault("REFUSED", "clients do not sign in here");
    return opened;
  }
}

function defaultKind(config: Config): SecretKind {
  if (usesOAuth(config) && usesBearer(config)) {
    throw new Fault("REFUSED", `auth.mode is ${config.auth.mode}: there are several secrets`, {
      hint: "name one: password, bearer, signing-key or all",
    });
  }
  return usesOAuth(config) ? "password" : "bearer";
}

function kindsOf(kind: SecretKind, config: Config): readonly Exclude<SecretKind, "all">[] {
  const inForce = [
    ...(usesBearer(config) ? (["bearer"] as const) : []),
    ...(usesOAuth(config) ? (["password", "signing-key"] as const) : []),
  ];
  if (kind === "all" && inForce.length > 0) return inForce;
  if (kind !== "all" && inForce.includes(kind)) return [kind];
  const what = kind === "all" ? "secret" : kind === "bearer" ? "token" : kind;
  throw new Fault("REFUSED", `auth.mode is ${config.auth.mode}: there is no ${what} to rotate`);
}

function refuseGiven(kind: Exclude<SecretKind, "all">, { auth: { oauth } }: Config): void {
  if (kind === "signing-key" && oauth.tokenSecret !== undefined) {
    throw new Fault("REFUSED", "the signing key comes from the environment", {
      hint: "restart with another value there",
    });
  }
  if (kind !== "password" || oauth.password === undefined) return;
  const [source, hint] =
    oauth.passwordFile === undefined
      ? ["auth.password (the environment)", "restart the daemon with the new value in its environment"]
      : [`auth.password_file (${oauth.passwordFile})`, "change it there, then run: ctmcpctl reload"];
  throw new Fault("REFUSED", `the password comes from ${source}`, { hint });
}
