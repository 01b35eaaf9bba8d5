import { printableJson } from "../../internal/log/json.js";
import type { Redactor } from "../../internal/log/redact.js";
import type { CallRecord } from "../../internal/mcp/call.js";

const maxText = 240;
const maxItems = 50;

/** One line for a finished call: compact JSON with sorted keys, secrets hidden, long values cut. */
export function traceLine(record: CallRecord, now: number, redactor: Redactor): string {
  const line = {
    args: shorten(record.args, redactor),
    command_id: null,
    duration_ms: record.durationMs,
    error_code: record.errorCode ?? null,
    event: "tool_call",
    ok: record.ok,
    status: record.ok ? "ok" : "error",
    timestamp: new Date(now).toISOString(),
    tool: record.tool,
    truncated: record.truncated,
  };
  return `${printableJson(line)}\n`;
}

function shorten(value: unknown, redactor: Redactor): unknown {
  if (typeof value === "string") {
    const text = redactor.text(value);
    return text.length > maxText ? `${text.slice(0, maxText)}...` : text;
  }
  if (Array.isArray(value)) return value.slice(0, maxItems).map((item) => shorten(item, redactor));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, item]) => [name, redactor.isSecretName(name) ? "***" : shorten(item, redactor)]),
  );
}
