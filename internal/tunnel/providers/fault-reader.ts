import type { FaultRow, Sign, TunnelFault } from "../types.js";
import { saidIn } from "./records.js";

/** A row of class `backoff` may say after how many starts in a row that show it no further one is worth trying. */
export interface CountedRow extends FaultRow {
  readonly blockedAfter?: number;
}

export interface FaultReader {
  /** Begins another start of the program; returns what reads its lines. */
  start(): (line: string) => Sign | undefined;
}

/**
 * Recognises faults by the first row that matches what a line says. Of one start nothing more is read once a fault has
 * blocked it: what a program says first is the cause, what follows are consequences.
 */
export function createFaultReader(rows: readonly CountedRow[]): FaultReader {
  /** In how many starts in a row a fault was seen, the present one included. */
  let streaks = new Map<string, number>();

  return {
    start() {
      const before = streaks;
      const seen = new Map<string, number>();
      streaks = seen;
      let isBlocked = false;
      return (line) => {
        if (isBlocked) return undefined;
        const text = saidIn(line);
        const row = rows.find(({ pattern }) => pattern.test(text));
        if (row === undefined) return undefined;
        const streak = (before.get(row.code) ?? 0) + 1;
        const isWornOut = row.blockedAfter !== undefined && streak >= row.blockedAfter;
        // Counted anew once a person has had to act.
        seen.set(row.code, isWornOut ? 0 : streak);
        const fault = isWornOut ? { ...faultOf(row), class: "blocked" as const } : faultOf(row);
        isBlocked = fault.class === "blocked";
        return { kind: "fault", fault };
      };
    },
  };
}

/** A row without what recognises it. */
export function faultOf({ code, class: kind, text, hint }: FaultRow): TunnelFault {
  return { code, class: kind, text, hint };
}
