import { styleText } from "node:util";

/** Rows as columns two spaces apart, without trailing blanks; the first row may be a heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(printable));
  const widths = clean.reduce<number[]>(
    (widest, row) => row.map((cell, i) => Math.max(widest[i] ?? 0, cell.length)),
    [],
  );
  return clean
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** `text` without anything that could drive a terminal or reorder a line: such characters become visible escapes. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Bidi_Control}]/gu,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/** `text` in colour when `stream` is a terminal and NO_COLOR is unset or empty (no-color.org). */
export function paint(
  colour: "red" | "yellow" | "green" | "dim",
  text: string,
  { stream, env }: { stream: { isTTY?: boolean }; env: NodeJS.ProcessEnv },
): string {
  return stream.isTTY && !env.NO_COLOR ? styleText(colour, text) : text;
}

/** A duration in its two largest units: "3 h 12 min", "45 s". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [d, h, min, s] = [whole / 86_400, (whole / 3_600) % 24, (whole / 60) % 60, whole % 60].map(
    Math.floor,
  );
  if (d) return `${d} d ${h} h`;
  if (h) return `${h} h ${min} min`;
  return min ? `${min} min ${s} s` : `${s} s`;
}

/** How long ago a time of the daemon's (RFC 3339) was. */
export function ago(time: string): string {
  return `${duration((Date.now() - Date.parse(time)) / 1_000)} ago`;
}
