import type { Clock } from "../../clock/clock.js";
import { Fault } from "../../errs/errs.js";
import type { StateFile } from "../../state/state-file.js";
import { type ClientDocuments, isDocumentId } from "./client-document.js";
import { sha256Hex } from "./digest.js";
import { OAuthRefusal } from "./refusal.js";
import type {
  ClientAuthMethod,
  OAuthClient,
  OAuthState,
  OnAuthEvent,
  RegisteredClient,
  Site,
} from "./types.js";

/** Clients that registered themselves and are kept. */
const mostClients = 200;
/** Milliseconds in which a client that registered or asked the owner is taken to be signing in. */
const signInTime = 600_000;
/** Milliseconds between two notes on disk that a client asks the owner. */
const noteInterval = 60_000;

export interface RegistryDeps {
  readonly state: StateFile<OAuthState>;
  readonly documents: ClientDocuments;
  readonly clock: Clock;
  readonly random: (size: number) => Buffer;
  readonly onEvent: OnAuthEvent;
}

/** What a client may say of itself when it registers, already checked. */
export interface ClientMetadata {
  readonly name: string | undefined;
  readonly redirectUris: readonly string[];
  readonly authMethod: ClientAuthMethod;
}

export interface Registration {
  readonly client: OAuthClient;
  /** Shown this once; undefined for a public client. */
  readonly secret: string | undefined;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** The clients that may ask the owner for access. */
export interface Registry {
  /**
   * The client with this id: configured, registered, or described by the document at that URL. Undefined when it is
   * unknown or its document will not do or cannot be had.
   */
  find(id: string, site: Site): Promise<OAuthClient | undefined>;
  /**
   * Adds a client and resolves once it is on disk. At 200 one makes room that holds no grant and no code.
   *
   * @throws OAuthRefusal temporarily_unavailable when all of them do, Fault when the state cannot be written.
   */
  register(metadata: ClientMetadata): Promise<Registration>;
  /**
   * Notes that a client asks the owner, on disk at most once a minute; nothing for one that did not register. A note that
   * cannot be written is given up: no sign-in should end for it.
   */
  noteUse(id: string): Promise<void>;
}

export function createRegistry({ state, documents, clock, random, onEvent }: RegistryDeps): Registry {
  return {
    async find(id, site) {
      const configured = site.clients.find((client) => client.id === id);
      if (configured !== undefined) return configured;
      if (isDocumentId(id)) return documents.get(id, site.redirectUris).catch(unknownIfRefused);
      const kept = state.current().clients[id];
      return kept && asClient(id, kept);
    },

    async register({ name, redirectUris, authMethod }) {
      const id = random(16).toString("base64url");
      const secret = authMethod === "none" ? undefined : random(32).toString("base64url");
      const createdAt = clock.now();
      const client: RegisteredClient = {
        name: name ?? null,
        redirectUris: [...redirectUris],
        authMethod,
        secretHash: secret === undefined ? null : sha256Hex(secret),
        createdAt,
        usedAt: createdAt,
      };
      const evicted = await state.update((draft) => {
        const gone = makeRoom(draft, createdAt);
        draft.clients[id] = client;
        return gone;
      });
      for (const clientId of evicted) onEvent({ event: "client_evicted", clientId });
      onEvent({ event: "client_registered", clientId: id, ...(name !== undefined && { detail: name }) });
      return { client: asClient(id, client), secret, createdAt };
    },

    async noteUse(id) {
      const kept = state.current().clients[id];
      const now = clock.now();
      if (kept === undefined || (hasAsked(kept) && now - kept.usedAt < noteInterval)) return;
      const note = state.update((draft) => {
        const client = draft.clients[id];
        if (client !== undefined) client.usedAt = Math.max(now, client.createdAt + 1);
      });
      await note.catch((error) => {
        if (!(error instanceof Fault)) throw error;
      });
    },
  };
}

function asClient(id: string, kept: RegisteredClient): OAuthClient {
  const { redirectUris, authMethod } = kept;
  return {
    id,
    kind: "registered",
    name: kept.name ?? undefined,
    redirectUris,
    authMethod,
    secretHash: kept.secretHash ?? undefined,
  };
}

function unknownIfRefused(error: unknown): undefined {
  if (!(error instanceof OAuthRefusal)) throw error;
}

/** False between registration and the first time it asks the owner. */
function hasAsked({ createdAt, usedAt }: RegisteredClient): boolean {
  return usedAt > createdAt;
}

/** Takes out what is too many, with one place to spare; returns the ids. */
function makeRoom(state: OAuthState, now: number): string[] {
  const tooMany = Object.keys(state.clients).length - mostClients + 1;
  if (tooMany <= 0) return [];
  const bound = new Set(
    [...Object.values(state.grants), ...Object.values(state.codes)]
      .filter(({ expiresAt }) => expiresAt > now)
      .map(({ clientId }) => clientId),
  );
  const free = Object.entries(state.clients)
    .filter(([id]) => !bound.has(id))
    .sort(([, a], [, b]) => worth(a, now) - worth(b, now) || a.usedAt - b.usedAt)
    .slice(0, tooMany)
    .map(([id]) => id);
  if (free.length < tooMany) {
    throw new OAuthRefusal("temporarily_unavailable", `all ${mostClients} registered clients are in use`);
  }
  for (const id of free) delete state.clients[id];
  return free;
}

/**
 * How much a client without a grant would be missed. Idle ones go first, least recently used before others. When all are
 * recent, somebody registers in a loop: those registrations never ask the owner, a person's sign-in has within seconds.
 */
function worth(client: RegisteredClient, now: number): number {
  if (now - client.usedAt > signInTime) return 0;
  return hasAsked(client) ? 2 : 1;
}
