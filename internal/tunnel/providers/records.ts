import { stripVTControlCharacters } from "node:util";

/** A line of a log written as JSON, or undefined for any other text. */
export function recordOf(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

const said = ["msg", "message", "err", "error", "status_code", "error_message"];

/**
 * What the program itself says in a line: of a JSON record the message and the error, of other text all of it, without
 * colours. A record's other fields are left out, as they may quote a request and so whatever a stranger sends; a record
 * that was cut off says nothing.
 */
export function saidIn(line: string): string {
  if (!line.startsWith("{")) return stripVTControlCharacters(line);
  const record = recordOf(line) ?? {};
  return said
    .filter((name) => typeof record[name] === "string" || typeof record[name] === "number")
    .map((name) => `${name}=${record[name]}`)
    .join(" ");
}
