import type { Profile } from "../config/config.js";
import type { Root } from "./root.js";

/** An opened workspace: its root is held by descriptor, so renaming or replacing the path later does not change what is reached. */
export interface Workspace {
  readonly id: string;
  /** Real absolute path when it was opened. */
  readonly path: string;
  readonly profile: Profile;
  readonly root: Root;
}
