import { createHash } from "node:crypto";

/** One thing that happened, before it has its place in the journal. All values are plain JSON data without secrets. */
export interface AuditEvent {
  /** What kind of thing: `call_started`, `call`, `command_ended`, `sign_in`, ... */
  readonly event: string;
  readonly [field: string]: unknown;
}

/** A line of the journal. */
export interface AuditRecord extends AuditEvent {
  /** From 1, without gaps: the order of events, whatever the clock did. */
  readonly seq: number;
  /** RFC 3339, as the clock said. */
  readonly time: string;
  /** SHA-256 of the line before this one, in hex; of nothing before the first. */
  readonly prev: string;
}

/** The hash before the first record. */
export const firstPrev: string = hashOf("");

/** SHA-256 of a line without its newline, in hex. */
export function hashOf(line: string): string {
  return createHash("sha256").update(line).digest("hex");
}

/** The line of a record, without its newline. */
export function renderRecord({ seq, time, prev, event, ...fields }: AuditRecord): string {
  return JSON.stringify({ seq, time, event, ...fields, prev });
}

/** The record in a line; undefined when there is none. */
export function parseRecord(line: string): AuditRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null) return undefined;
    const { seq, time, event, prev } = value as Partial<AuditRecord>;
    const isWhole =
      Number.isSafeInteger(seq) &&
      typeof time === "string" &&
      typeof event === "string" &&
      typeof prev === "string";
    return isWhole ? (value as AuditRecord) : undefined;
  } catch {
    return undefined;
  }
}
