import type { Clock } from "../clock/clock.js";
import { type ConfigProblem, problemsOf } from "../config/problem.js";
import { Fault, messageOf } from "../errs/errs.js";
import type { Logger } from "../log/log.js";
import type { Plan } from "./plan.js";

/** A new configuration, ready to be put in force. Nothing of it is visible before `commit`. */
export interface Prepared extends Plan {
  /** Swaps it in; cannot fail. */
  commit(): void;
  /** Takes down what was prepared. */
  discard(): void;
}

/** What asked for the reload. */
export type Trigger = "file" | "signal" | "admin";

export interface ReloadOptions {
  readonly trigger: Trigger;
  /** Prepare only, and say what would change. */
  readonly dryRun?: boolean;
  /** Refuse when another generation is in force. */
  readonly ifGeneration?: number | undefined;
}

export interface ReloadOutcome extends Plan {
  readonly result: "applied" | "unchanged" | "planned";
  readonly generation: number;
}

/** A configuration file that could not be put in force; the one before it stays. */
export interface PendingError {
  readonly message: string;
  readonly problems: readonly ConfigProblem[];
  /** RFC 3339. */
  readonly since: string;
}

export interface Reloader {
  /** Reads the file again and puts it in force, or throws and leaves everything as it was. One at a time, in order. */
  reload(options: ReloadOptions): Promise<ReloadOutcome>;
  /**
   * Puts the configuration in force into force once more, with the secrets as they are now. The file is not read: a
   * broken one must not keep a leaked secret alive.
   */
  refresh(): Promise<void>;
  generation(): number;
  loadedAt(): string;
  pendingError(): PendingError | undefined;
}

export interface ReloaderDeps {
  /** Everything that can fail, from the file or from the configuration in force. */
  readonly prepare: (from: "file" | "memory") => Promise<Prepared>;
  readonly clock: Clock;
  readonly log: Logger;
  /** A reload begins that is no dry run. */
  readonly onBegin?: () => void;
  /** Told how each reload ended that was no dry run: with what stands in the way, if anything does. */
  readonly onSettled: (outcome: {
    pending: PendingError | undefined;
    restartNeeded: readonly string[];
  }) => void;
}

/** The one path by which a configuration changes: file event, signal and admin call all end here. */
export function createReloader({ prepare, clock, log, onBegin, onSettled }: ReloaderDeps): Reloader {
  const now = (): string => new Date(clock.now()).toISOString();
  let generation = 1;
  let loadedAt = now();
  let pending: PendingError | undefined;
  let last: Promise<unknown> = Promise.resolve();

  return {
    reload: (options) => inTurn(() => run(options)),
    refresh: () =>
      inTurn(async () => {
        const prepared = await prepare("memory");
        if (prepared.changes.length === 0) prepared.discard();
        else apply(prepared, "secret");
      }),
    generation: () => generation,
    loadedAt: () => loadedAt,
    pendingError: () => pending,
  };

  async function run({ trigger, dryRun, ifGeneration }: ReloadOptions): Promise<ReloadOutcome> {
    if (ifGeneration !== undefined && ifGeneration !== generation) {
      throw new Fault("REFUSED", `generation ${generation} is in force, not ${ifGeneration}`, {
        hint: "look at the configuration again, then reload",
      });
    }
    if (!dryRun) onBegin?.();
    const prepared = await prepareOrReport(trigger, dryRun === true);
    const { changes, restartNeeded } = prepared;
    if (dryRun || changes.length === 0) {
      prepared.discard();
      if (!dryRun) succeed(restartNeeded);
      return {
        result: dryRun && changes.length > 0 ? "planned" : "unchanged",
        generation,
        changes,
        restartNeeded,
      };
    }
    apply(prepared, trigger);
    succeed(restartNeeded);
    return { result: "applied", generation, changes, restartNeeded };
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  }

  function apply(prepared: Prepared, trigger: Trigger | "secret"): void {
    prepared.commit();
    generation++;
    log.notice("configuration applied", { trigger, generation, changes: prepared.changes });
  }

  async function prepareOrReport(trigger: Trigger, dryRun: boolean): Promise<Prepared> {
    try {
      return await prepare("file");
    } catch (error) {
      const problems = problemsOf(error);
      log.error("configuration not applied, the one before it stays", { trigger, error, problems });
      if (!dryRun) {
        pending = { message: messageOf(error), problems, since: pending?.since ?? now() };
        onSettled({ pending, restartNeeded: [] });
      }
      throw error;
    }
  }

  function succeed(restartNeeded: readonly string[]): void {
    loadedAt = now();
    if (pending !== undefined) log.notice("the configuration file is right again");
    pending = undefined;
    onSettled({ pending, restartNeeded });
  }
}
