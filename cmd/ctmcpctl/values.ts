import { Fault } from "../../internal/errs/errs.js";

/** Milliseconds of "500ms", "60s", "2m", "12h", "7d" or a plain number of seconds, as the value of `--flag`. */
export function parseTime(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text);
  if (!match)
    throw new Fault("USAGE", `--${flag} is ${text}`, { hint: "write a number and a unit: 500ms, 60s, 2m" });
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  return Number(match[1]) * (units[match[2] ?? "s"] ?? 1_000);
}
