import type { Profile } from "../config/config.js";

/** Who is calling and what they were granted. Made once per credential, never per request. */
export interface Principal {
  /** Stable key for limits, cancellation and the client list; never a secret. */
  readonly id: string;
  /** How people name it: "bearer token", "anonymous", "stdio". */
  readonly label: string;
  /** Workspace ids it may reach; undefined: all of them. */
  readonly workspaces: readonly string[] | undefined;
  /** Its own ceiling; a workspace's ceiling narrows it further. */
  readonly profile: Profile;
}
