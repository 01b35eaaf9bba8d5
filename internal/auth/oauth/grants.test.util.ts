import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../clock/clock.js";
import { Fault } from "../../errs/errs.js";
import { writeFileAtomic } from "../../fsx/atomic.js";
import { checkedBy } from "../../state/schema-check.js";
import { openStateFile, type StateFile } from "../../state/state-file.js";
import { validateOAuthState } from "../validators.js";
import { createGrants, type Grants } from "./grants.js";
import { OAuthRefusal } from "./refusal.js";
import type { AuthEvent, Consent, OAuthClient, OAuthState, Site } from "./types.js";

/** A clock that stands still until it is moved. */
export interface HandClock extends Clock {
  advance(ms: number): void;
}

export function handClock(): HandClock {
  let at = Date.UTC(2026, 10, 1);
  return {
    now: () => at,
    monotonic: () => at,
    after: () => () => {},
    advance(ms) {
      at += ms;
    },
  };
}

export const site: Site = {
  origin: "https://mcp.example.com",
  workspaces: [{ id: "app", path: "/srv/app", profile: "full" }],
  password: undefined,
  accessTtlS: 86_400,
  refreshTtlS: 90 * 86_400,
  refreshGraceS: 120,
  redirectUris: [],
  clients: [],
  sourceHeader: undefined,
};

export const client: OAuthClient = {
  id: "client-1",
  kind: "registered",
  name: "An app",
  redirectUris: ["https://app.example/callback"],
  authMethod: "none",
  secretHash: undefined,
};

export const verifier = "a-verifier-that-only-the-client-knows.0123456789";

export const consent: Consent = {
  client,
  redirectUri: "https://app.example/callback",
  codeChallenge: createHash("sha256").update(verifier).digest("base64url"),
  workspaces: ["app"],
  profile: "full",
};

/** What the next writes of the state do: work, fail, or be the last thing that the process did before or after them. */
export type WriteFault = "none" | "full" | "crash before" | "crash after";

/** Grants on a real file in a folder of their own. */
export interface Stage {
  readonly clock: HandClock;
  readonly events: AuthEvent[];
  readonly changed: string[];
  readonly path: string;
  readonly state: StateFile<OAuthState>;
  readonly grants: Grants;
  fault: WriteFault;
  /** Acknowledges changes without writing them. */
  forgetful: boolean;
  /** Forgets everything in memory and opens what is on disk. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface StageOptions {
  /** Alters the store under the grants, to show what a test would find. */
  readonly around?: (state: StateFile<OAuthState>) => StateFile<OAuthState>;
}

export async function openStage({ around = (state) => state }: StageOptions = {}): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), "ctmcp-grants-"));
  const clock = handClock();
  const stage = {
    clock,
    events: [] as AuthEvent[],
    changed: [] as string[],
    path: join(folder, "oauth.json"),
    fault: "none" as WriteFault,
    forgetful: false,
    restart: async () => {
      stage.fault = "none";
      Object.assign(stage, await open());
    },
    async close() {
      // After a failed test some updates may still be under way.
      await stage.state.update(() => {}).catch(() => {});
      rmSync(folder, { recursive: true });
    },
    ...(await open()),
  };
  return stage;

  async function open(): Promise<Pick<Stage, "state" | "grants">> {
    let dead = false;
    const state = around(
      await openStateFile<OAuthState>({
        path: join(folder, "oauth.json"),
        uid: process.getuid?.() ?? 0,
        version: 1,
        validate: checkedBy(validateOAuthState),
        empty: () => ({ clients: {}, grants: {}, codes: {} }),
        clock,
        onDamaged: (_kept, reason) => {
          throw new Error(reason);
        },
        async write(...file) {
          const { fault } = stage;
          if (dead || fault === "full" || fault === "crash before") {
            dead ||= fault === "crash before";
            throw new Fault("FAILED", "injected");
          }
          if (!stage.forgetful) await writeFileAtomic(...file);
          if (fault === "none") return;
          dead = true;
          throw new Fault("FAILED", "injected");
        },
      }),
    );
    const grants = createGrants({
      state,
      keys: { refreshKey: Buffer.alloc(32, 7) },
      clock,
      random: randomBytes,
      onEvent: (event) => stage.events.push(event),
      onChange: (id) => stage.changed.push(id),
    });
    return { state, grants };
  }
}

/** The OAuth error or the code of the Fault that `run` ends with; "none" when it succeeds. */
export async function outcomeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return "none";
  } catch (error) {
    if (error instanceof OAuthRefusal) return error.error;
    if (error instanceof Fault) return error.code;
    throw error;
  }
}
