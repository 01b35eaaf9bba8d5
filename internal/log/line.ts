import { Fault } from "../errs/errs.js";
import { printableJson } from "./json.js";
import type { Redactor } from "./redact.js";

export type LogLevel = "debug" | "info" | "notice" | "warning" | "error";

/** One log record as it is kept and sent out: redacted, plain JSON data. */
export interface LogLine {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** Facts beside a message. Errors are allowed as values: a Fault shows its code and text, a bug its stack. */
export type LogFields = Readonly<Record<string, unknown>> & {
  readonly time?: never;
  readonly level?: never;
  readonly message?: never;
};

/** `json`: one object a line. `journal`: text behind a `<N>` priority. `text`: for a terminal. */
export type LogFormat = "json" | "journal" | "text";

const longestText = 4_096;
const deepest = 5;
/** sd-daemon(3) and syslog(3) priorities. */
const priorities = { debug: 7, info: 6, notice: 5, warning: 4, error: 3 } as const satisfies Record<
  LogLevel,
  number
>;

/** Turns any value into plain JSON data without secrets, each text at most 4,096 characters. */
export function cleanValue(value: unknown, redactor: Redactor, depth = 0): unknown {
  if (typeof value === "string") return cut(redactor.text(value));
  if (typeof value === "number" || typeof value === "boolean" || value === null || value === undefined)
    return value;
  if (value instanceof Error) return cut(redactor.text(describe(value)));
  if (typeof value !== "object") return cut(redactor.text(String(value)));
  if (depth === deepest) return "...";
  if (Array.isArray(value)) return value.map((item) => cleanValue(item, redactor, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      redactor.text(name),
      redactor.isSecretName(name) ? "***" : cleanValue(item, redactor, depth + 1),
    ]),
  );
}

/** Renders one record, the newline included. Text formats never let a value begin a line of its own. */
export function formatLine(line: LogLine, format: LogFormat): string {
  if (format === "json") return `${printableJson(line)}\n`;
  const { time, level, message, ...fields } = line;
  const text = [
    message,
    ...Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`),
  ].join(" ");
  if (format === "journal") return `<${priorities[level]}>${escapeControls(text)}\n`;
  const indented = text.split("\n").map(escapeControls).join("\n    ");
  return `${time.slice(11, 19)} ${level.padEnd(7)} ${indented}\n`;
}

/** True when a record of `level` is wanted at `threshold`. */
export function isWanted(level: LogLevel, threshold: LogLevel): boolean {
  return priorities[level] <= priorities[threshold];
}

function describe(error: Error): string {
  if (error instanceof Fault) return `${error.code}: ${error.message}`;
  return error.stack ?? String(error);
}

function fieldText(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value) ?? "undefined";
  return /^[^\s"=]+$/.test(value) || value.includes("\n") ? value : JSON.stringify(value);
}

function cut(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}...` : text;
}

/** Values come from strangers: no terminal sequences, no forged or reordered lines. */
function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Bidi_Control}]/gu,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
