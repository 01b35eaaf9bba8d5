import { dirname, join } from "node:path";
import { takeLock } from "../../internal/admin/lock.js";
import type { Config } from "../../internal/config/config.js";
import { Fault } from "../../internal/errs/errs.js";
import { ensurePrivateDir } from "../../internal/fsx/private-dir.js";

/** A configuration whose state nobody else uses, until `release`. */
export interface OwnState {
  readonly config: Config;
  /** Where the state of all workspaces and programs lies; none of it is a command's business. */
  readonly parent: string;
  release(): void;
}

/**
 * Claims the state directory of `config` for this process. Where several programs serve one workspace at once, as
 * stdio clients have it, each further one gets a directory of its own: a change that one is making must not look
 * to another like one that was cut off.
 */
export function claimState(config: Config, uid: number): OwnState {
  for (let number = 1; ; number++) {
    const stateDir = number === 1 ? config.stateDir : `${config.stateDir}-${number}`;
    ensurePrivateDir(stateDir, { uid });
    try {
      const lock = takeLock(join(stateDir, "lock"));
      const own = { ...config, stateDir, runtimeDir: join(stateDir, "run") };
      return { config: own, parent: dirname(stateDir), release: () => lock.release() };
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "ALREADY_RUNNING") throw error;
    }
  }
}
