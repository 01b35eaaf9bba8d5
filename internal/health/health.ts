import type { Clock } from "../clock/clock.js";

/** `error`: something does not work. `warning`: it works but wants attention. `info`: worth knowing. */
export type Severity = "error" | "warning" | "info";

/** What is wrong and what cures it. */
export interface Condition {
  readonly severity: Severity;
  /** What is wrong; one lowercase sentence without a final stop. */
  readonly text: string;
  /** What to do about it; empty when nothing needs doing. */
  readonly fix: string;
}

/** A condition in force, as `status` shows it; serialised as it is. */
export interface Warning extends Condition {
  /** Stable, upper case with underscores; scripts match on it. */
  readonly code: string;
  /** When the condition began (RFC 3339); a new text or severity does not restart it. */
  readonly since: string;
}

export interface Health {
  /** Puts the condition `code` in force, or replaces its words if it is already. */
  set(code: string, condition: Condition): void;
  /** Ends the condition `code`; does nothing when it is not in force. */
  clear(code: string): void;
  /** Every condition in force: errors first, then warnings, then infos, each by code. */
  list(): readonly Warning[];
}

const rank = { error: 0, warning: 1, info: 2 } as const satisfies Record<Severity, number>;

/** The conditions in force of one daemon, kept in memory. */
export function createHealth(clock: Clock): Health {
  const inForce = new Map<string, Warning>();

  return {
    set(code, { severity, text, fix }) {
      const since = inForce.get(code)?.since ?? new Date(clock.now()).toISOString();
      inForce.set(code, { code, severity, text, fix, since });
    },
    clear(code) {
      inForce.delete(code);
    },
    list() {
      return [...inForce.values()].sort(
        (a, b) => rank[a.severity] - rank[b.severity] || (a.code < b.code ? -1 : 1),
      );
    },
  };
}
