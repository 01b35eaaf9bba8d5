import type { ErrorObject, ValidateFunction } from "ajv";
import type { Tool } from "./types.js";

/** Compiled argument validators by tool name. They fill in the schema's defaults. */
export type ArgumentValidators = Readonly<Record<string, ValidateFunction>>;

/**
 * Validates `args` in place against the tool's schema. Returns undefined when they fit, else one line that names each
 * argument by its path (`arguments.path must be string`) and, for an unknown one, the names that exist.
 */
export function checkArguments(
  tool: Tool,
  validate: ValidateFunction,
  args: Record<string, unknown>,
): string | undefined {
  if (validate(args)) return undefined;
  return (validate.errors ?? []).map((error) => describe(error, tool)).join("; ");
}

function describe(error: ErrorObject, tool: Tool): string {
  const at = `arguments${error.instancePath.replaceAll("/", ".")}`;
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case "additionalProperties":
      return `${at}.${params.additionalProperty} is unknown (${tool.name} takes ${Object.keys(tool.inputSchema.properties).join(", ") || "no arguments"})`;
    case "required":
      return `${at}.${params.missingProperty} is required`;
    case "enum":
      return `${at} must be one of ${(params.allowedValues as unknown[]).join(", ")}`;
    default:
      return `${at} ${error.message}`;
  }
}
