import type { Config, SandboxLevelName } from "../config/config.js";
import type { LoadedConfig } from "../config/load.js";
import { formatProblem } from "../config/problem.js";
import type { Health } from "../health/health.js";
import type { Log } from "../log/log.js";
import type { SandboxStatus } from "../sandbox/types.js";
import type { PendingError } from "./reload.js";
import { reloadHint } from "./snapshot.js";

/** Says what of the daemon's own state wants the owner's attention. */
export interface Conditions {
  /** After each attempt to put a configuration in force. */
  reloaded(outcome: {
    readonly pending: PendingError | undefined;
    readonly restartNeeded: readonly string[];
  }): void;
  /** Of the file that is in force. */
  loaded(loaded: LoadedConfig): void;
  /** After the self-test, with the configuration in force; git runs in the sandbox also where clients run no commands. */
  sandboxTested(status: SandboxStatus, config: Config): void;
  /** Paths of workspaces that lead elsewhere than when the configuration was read; empty when none does any more. */
  misplaced(paths: readonly string[]): void;
  /** At the start, when nothing was found to search with. */
  ripgrepMissing(): void;
}

/** Best first. */
const levels: readonly SandboxLevelName[] = ["strong", "namespaces", "filesystem-only", "none"];

/** Conditions go to `health`, and to `log` where the moment matters. */
export function createConditions({ health, log }: { health: Health; log: Log }): Conditions {
  return {
    reloaded({ pending, restartNeeded }) {
      if (pending === undefined) health.clear("CONFIG_NOT_APPLIED");
      else
        health.set("CONFIG_NOT_APPLIED", {
          severity: "error",
          text: pending.message,
          fix: "ctmcpctl config check",
        });
      if (restartNeeded.length === 0) return health.clear("RESTART_NEEDED");
      const text = `${restartNeeded.join(" and ")} changed, which takes effect at the next start`;
      health.set("RESTART_NEEDED", { severity: "warning", text, fix: "restart the daemon" });
    },
    loaded({ warnings }) {
      for (const warning of warnings) log.warning(formatProblem(warning));
      if (warnings.length === 0) return health.clear("CONFIG_WARNING");
      health.set("CONFIG_WARNING", {
        severity: "warning",
        text: warnings.map(({ message }) => message).join("; "),
        fix: "ctmcpctl config check",
      });
    },
    sandboxTested({ level, reason }, { exec }) {
      log.info("sandbox tested", { sandbox: level, reason });
      if (levels.indexOf(level) <= levels.indexOf(exec.sandbox.minimum)) return;
      const text = `commands and git are refused: the sandbox is ${level}, exec.sandbox.minimum is ${exec.sandbox.minimum}`;
      health.set("SANDBOX_TOO_WEAK", { severity: "error", text, fix: reason ?? "install bubblewrap" });
    },
    misplaced(paths) {
      if (paths.length === 0) return health.clear("WORKSPACE_ELSEWHERE");
      const text = `a link leads elsewhere now, and is not followed: ${paths.join(", ")}`;
      log.warning(text);
      health.set("WORKSPACE_ELSEWHERE", { severity: "error", text, fix: reloadHint });
    },
    ripgrepMissing() {
      health.set("RIPGREP_MISSING", {
        severity: "error",
        text: "no ripgrep was found: list_files and search_text do not work",
        fix: "install ripgrep, or reinstall this package with its optional dependencies",
      });
    },
  };
}
