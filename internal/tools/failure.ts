import { Fault, isToolErrorCode, type ToolErrorCode, toolErrors } from "../errs/errs.js";
import type { ToolResult } from "./types.js";

/**
 * Turns what a tool threw into the result the model reads: `CODE: message`, the category and whether a retry makes
 * sense, then what to do next. An unexpected error becomes INTERNAL_ERROR without its text: that belongs in the log.
 */
export function failureResult(error: unknown): ToolResult {
  const fault = asToolFault(error);
  const code = fault.code as ToolErrorCode;
  const { category, retryable } = toolErrors[code];
  const advice = retryable ? "" : "\nDo not repeat this call unchanged.";
  const hint = fault.hint === undefined ? "" : `\nRetry: ${fault.hint}`;
  const details = fault.hint === undefined ? fault.details : { ...fault.details, retry_hint: fault.hint };
  return {
    content: [
      {
        type: "text",
        text: `${code}: ${fault.message}\nCategory: ${category}. Retryable: ${retryable ? "yes" : "no"}${advice}${hint}`,
      },
    ],
    structured: { ok: false, error: { code, message: fault.message, category, retryable, details } },
  };
}

/** True when `error` is an expected failure of a tool, false when it is a bug worth a log line. */
export function isExpected(error: unknown): error is Fault {
  return error instanceof Fault && isToolErrorCode(error.code);
}

function asToolFault(error: unknown): Fault {
  if (isExpected(error)) return error;
  return new Fault("INTERNAL_ERROR", "the tool failed unexpectedly; the daemon's log has the details");
}
