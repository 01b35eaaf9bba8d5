import type { Clock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import type { Sandbox, SandboxPolicy } from "../sandbox/types.js";
import { configurationListing, refuseExecutable } from "./configuration.js";
import { gitFault } from "./faults.js";
import { gitCommand, gitEnvironment } from "./invocation.js";
import { runInSandbox } from "./run.js";

/** Where git runs, and for whom. */
export interface GitPlace {
  /** Of gitPolicy. */
  readonly policy: SandboxPolicy;
  /** The repository's work tree relative to the workspace. */
  readonly top: string;
  readonly signal: AbortSignal;
}

export interface GitOutput {
  readonly stdout: Buffer;
  /** There was more than `maxBytes`. */
  readonly cut: boolean;
}

export interface Git {
  /**
   * Runs one git command in the sandbox, at most `maxBytes` of its output being kept. Faults: GIT_ERROR with git's own
   * words, NOT_FOUND for a revision or path it does not know, CANCELLED, SANDBOX_UNAVAILABLE (also for a repository
   * whose configuration names programs, where no sandbox would hold them).
   */
  run(place: GitPlace, args: readonly string[], maxBytes: number): Promise<GitOutput>;
}

export interface GitDeps {
  readonly sandbox: Pick<Sandbox, "start" | "status">;
  readonly clock: Clock;
  /** Milliseconds a command may take; 10,000 unless told. */
  readonly timeoutMs?: number;
}

const maxListingBytes = 1 << 20;

export function createGit({ sandbox, clock, timeoutMs = 10_000 }: GitDeps): Git {
  async function execute(place: GitPlace, args: readonly string[], maxBytes: number): Promise<GitOutput> {
    const { policy, top, signal } = place;
    const request = { cmd: gitCommand(args, isConfined()), cwd: top, env: gitEnvironment, signal };
    const end = await runInSandbox({ sandbox, clock, timeoutMs, policy, request, maxBytes });
    if (end.how === "timeout") {
      throw new Fault("GIT_ERROR", `git ${args[0]} took longer than ${timeoutMs / 1000} seconds`, {
        hint: "ask for less: one path, or a smaller range",
      });
    }
    if (end.how === "ended" && end.code !== 0) throw gitFault(end);
    return { stdout: end.stdout, cut: end.how === "cut" };
  }

  function isConfined(): boolean {
    const { level } = sandbox.status();
    return level === "strong" || level === "namespaces";
  }

  return {
    async run(place, args, maxBytes) {
      if (!isConfined()) {
        const listing = await execute(place, configurationListing, maxListingBytes);
        // A sandbox that nobody has used before has tested itself meanwhile.
        if (!isConfined()) refuseExecutable(place.top, listing);
      }
      return execute(place, args, maxBytes);
    },
  };
}
