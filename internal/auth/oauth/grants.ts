import type { Clock } from "../../clock/clock.js";
import type { Profile } from "../../config/config.js";
import type { StateFile } from "../../state/state-file.js";
import { setBounded } from "./bounded.js";
import { sha256Hex } from "./digest.js";
import { addCode, badGrant, type CodeExchange, prune, redeemCode, rotate } from "./grant-rules.js";
import type { Keys } from "./keys.js";
import { readRefreshToken, refreshToken } from "./refresh-token.js";
import type { Consent, Grant, OAuthState, OnAuthEvent, Site } from "./types.js";

/**
 * What the owner allowed which client, and the codes and refresh tokens that lead to it. A method that changes something
 * resolves once that is on disk. It rejects with an OAuthRefusal, or with the Fault of a failed write, and has then
 * changed nothing: the caller may try again with the same code or token.
 */
export interface Grants {
  /** A code for what the owner just allowed: used once, within 60 s. */
  issueCode(consent: Consent): Promise<string>;
  /** Makes the grant that a code stands for. */
  exchangeCode(request: CodeExchange, site: Site): Promise<Grant>;
  /** Replaces a refresh token. */
  refresh(
    request: RefreshRequest,
    site: Site,
  ): Promise<{ readonly grant: Grant; readonly refreshToken: string }>;
  /** The refresh token in force. */
  refreshTokenOf(grant: Grant): string;
  /** The live grant with this id. */
  get(id: string): Grant | undefined;
  /** The live grant that any of its refresh tokens, also a replaced one, points to. */
  findByRefreshToken(token: string): Grant | undefined;
  /** Every live grant; `usedAt` counts requests too, as far as this process has seen them. */
  list(): readonly Grant[];
  /** Notes a request under a grant, in memory only. */
  touch(id: string): void;
  /** Ends a grant, its tokens with it; false when there is none. */
  revoke(id: string): Promise<boolean>;
  /** Ends every grant; says how many. */
  revokeAll(): Promise<number>;
  /** Changes what a grant allows, its tokens staying good; false when there is none. */
  setAccess(id: string, access: Access): Promise<boolean>;
}

export interface RefreshRequest {
  readonly token: string;
  readonly clientId: string;
}

export interface Access {
  readonly profile?: Profile;
  /** Workspace ids; null: all of them. */
  readonly workspaces?: readonly string[] | null;
}

export interface GrantsDeps {
  readonly state: StateFile<OAuthState>;
  readonly keys: Pick<Keys, "refreshKey">;
  readonly clock: Clock;
  readonly random: (size: number) => Buffer;
  readonly onEvent: OnAuthEvent;
  /** A grant was made, changed or taken away. */
  readonly onChange: (grantId: string) => void;
}

/** Grants remembered for their last request. */
const maxSeen = 1_000;

export function createGrants({ state, keys, clock, random, onEvent, onChange }: GrantsDeps): Grants {
  const seen = new Map<string, number>();

  return {
    async issueCode(consent) {
      const code = random(32).toString("base64url");
      await change((draft) => addCode(draft, sha256Hex(code), consent, clock.now()));
      return code;
    },
    async exchangeCode(request, site) {
      const { clientId } = request;
      const key = sha256Hex(request.code);
      // Guesses cost no copy of the state.
      if (state.current().codes[key] === undefined) throw badGrant("the code is unknown or has expired");
      const grantId = random(16).toString("hex");
      const result = await change((draft) =>
        redeemCode(draft, { ...request, key, grantId }, { now: clock.now(), site }),
      );
      if ("replayed" in result) {
        onEvent({ event: "code_replayed", clientId, grantId: result.replayed });
        onChange(result.replayed);
        throw badGrant("the code was used before");
      }
      onEvent({ event: "token_issued", clientId, grantId });
      onChange(grantId);
      return result.grant;
    },
    async refresh({ token, clientId }, site) {
      const claim = readRefreshToken(keys.refreshKey, token);
      if (claim === undefined || get(claim.grantId) === undefined)
        throw badGrant("the refresh token is unknown, was revoked or has expired");
      const { grantId } = claim;
      const result = await change((draft) =>
        rotate(draft, { ...claim, clientId }, { now: clock.now(), site }),
      );
      if ("replayed" in result) {
        onEvent({ event: "refresh_replayed", clientId, grantId });
        onChange(grantId);
        throw badGrant("the refresh token was used before");
      }
      onEvent({
        event: "token_refreshed",
        clientId,
        grantId,
        ...(result.repeated && { detail: "repeated" }),
      });
      return { grant: result.grant, refreshToken: refreshTokenOf(result.grant) };
    },
    refreshTokenOf,
    get,
    findByRefreshToken(token) {
      const claim = readRefreshToken(keys.refreshKey, token);
      return claim && get(claim.grantId);
    },
    list() {
      return Object.values(state.current().grants)
        .filter(isLive)
        .map((grant) => ({ ...grant, usedAt: Math.max(grant.usedAt, seen.get(grant.id) ?? 0) }));
    },
    touch: (id) => setBounded(seen, id, clock.now(), maxSeen),
    async revoke(id) {
      return (await end((grant) => grant.id === id)) > 0;
    },
    revokeAll: () => end(() => true),
    async setAccess(id, { profile, workspaces }) {
      const grant = await change((draft) => {
        const changed = draft.grants[id];
        if (changed === undefined) return undefined;
        if (profile !== undefined) changed.profile = profile;
        if (workspaces !== undefined) changed.workspaces = workspaces && [...workspaces];
        return changed;
      });
      if (grant === undefined) return false;
      onEvent({ event: "grant_changed", clientId: grant.clientId, grantId: id });
      onChange(id);
      return true;
    },
  };

  /** One change of the state, without what has ended in the meantime. */
  function change<R>(run: (draft: OAuthState) => R): Promise<R> {
    return state.update((draft) => {
      prune(draft, clock.now());
      return run(draft);
    });
  }

  async function end(isChosen: (grant: Grant) => boolean): Promise<number> {
    const ended = await change((draft) => {
      const chosen = Object.values(draft.grants).filter(isChosen);
      for (const { id } of chosen) delete draft.grants[id];
      return chosen;
    });
    for (const { id, clientId } of ended) {
      onEvent({ event: "grant_revoked", clientId, grantId: id });
      onChange(id);
    }
    return ended.length;
  }

  function get(id: string): Grant | undefined {
    const grant = state.current().grants[id];
    return grant !== undefined && isLive(grant) ? grant : undefined;
  }

  function isLive({ expiresAt }: Grant): boolean {
    return clock.now() < expiresAt;
  }

  function refreshTokenOf({ id, generation }: Grant): string {
    return refreshToken(keys.refreshKey, { grantId: id, generation });
  }
}
