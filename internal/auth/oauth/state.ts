import { join } from "node:path";
import type { Clock } from "../../clock/clock.js";
import { checkedBy } from "../../state/schema-check.js";
import { type OnDamaged, openStateFile, type StateFile } from "../../state/state-file.js";
import { validateOAuthState } from "../validators.js";
import type { OAuthState } from "./types.js";

export interface OAuthStateOptions {
  readonly stateDir: string;
  readonly uid: number;
  readonly clock: Clock;
  readonly onDamaged: OnDamaged;
}

/** Registered clients, grants and codes: `oauth.json` in the state directory. Faults as for every state file. */
export function openOAuthState({ stateDir, ...options }: OAuthStateOptions): Promise<StateFile<OAuthState>> {
  return openStateFile({
    ...options,
    path: join(stateDir, "oauth.json"),
    version: 1,
    validate: checkedBy(validateOAuthState),
    empty: () => ({ clients: {}, grants: {}, codes: {} }),
  });
}
