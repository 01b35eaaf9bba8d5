import { programErrors } from "../../../internal/errs/errs.js";
import { printableJson } from "../../../internal/log/json.js";
import type { Context } from "../context.js";
import { paint, printable } from "../output.js";
import type { Row } from "./row.js";

export interface Report {
  /** Shows rows as soon as they are known; as JSON they are shown at the end. */
  add(rows: readonly Row[]): void;
  /** The exit code: that of UNHEALTHY when a row says `fail`. */
  end(): number;
}

const colours = { ok: "green", warn: "yellow", fail: "red" } as const;

export function createReport({ flags, print, stdout, env }: Context): Report {
  const all: Row[] = [];
  return {
    add(rows) {
      all.push(...rows);
      if (flags.json) return;
      for (const { status, text, hint } of rows) {
        const label = paint(colours[status], status.toUpperCase().padEnd(4), { stream: stdout, env });
        print(`${label}  ${printable(text)}`);
        if (hint !== null) print(`      ${printable(hint)}`);
      }
    },
    end() {
      if (flags.json) print(printableJson({ schema: 1, rows: all }, 2));
      return all.some(({ status }) => status === "fail") ? programErrors.UNHEALTHY : 0;
    },
  };
}
