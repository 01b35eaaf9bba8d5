import { Fault } from "../../internal/errs/errs.js";

/** Milliseconds of "500ms", "60s", "2m", "12h", "7d" or a plain number of seconds, as the value of `--flag`. */
export function parseTime(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text);
  if (!match)
    throw new Fault("USAGE", `--${flag} is ${text}`, { hint: "write a number and a unit: 500ms, 60s, 2m" });
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  return Number(match[1]) * (units[match[2] ?? "s"] ?? 1_000);
}

/** The value of `--since` as a time in milliseconds: so long ago as in `2h`, or a date. */
export function parseSince(text: string): number {
  if (/^\d+(?:ms|s|m|h|d)$/.test(text)) return Date.now() - parseTime("since", text);
  const time = Date.parse(text);
  if (Number.isNaN(time)) {
    throw new Fault("USAGE", `--since ${text} is no time`, { hint: "write it as 30m, 2h, 7d or 2026-11-01" });
  }
  return time;
}

/** The value of `--lines`; undefined when it is not given. */
export function parseLines(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const lines = Number(text);
  if (!Number.isInteger(lines) || lines < 1)
    throw new Fault("USAGE", `--lines ${text} is no number of lines`, { hint: "write --lines 100" });
  return lines;
}
