import type { ErrorObject, ValidateFunction } from "ajv";
import { brief } from "../errs/brief.js";
import type { Tool } from "./types.js";

/** Compiled argument validators by tool name. They fill in the schema's defaults. */
export type ArgumentValidators = Readonly<Record<string, ValidateFunction>>;

/**
 * Validates `args` in place against the tool's schema. Returns undefined when they fit, else one line that names an
 * unknown argument and the names that exist, and those that are missing; or, when there are none of these, the first
 * wrong value by its path (`arguments.path must be string`). However large the arguments are, the line is short.
 */
export function checkArguments(
  tool: Tool,
  validate: ValidateFunction,
  args: Record<string, unknown>,
): string | undefined {
  if (validate(args)) return undefined;
  const misnamed = describeNames(tool, args);
  if (misnamed.length > 0) return misnamed.join("; ");
  return (validate.errors ?? []).map((error) => describe(error)).join("; ");
}

/** ajv stops at the first error; one that is unknown is often the misspelling of one that is missing. */
function describeNames({ name, inputSchema }: Tool, args: Record<string, unknown>): string[] {
  const { properties, required = [] } = inputSchema;
  const unknown = Object.keys(args).find((key) => !Object.hasOwn(properties, key));
  const known = Object.keys(properties).join(", ") || "no arguments";
  return [
    ...(unknown === undefined ? [] : [`arguments.${brief(unknown)} is unknown (${name} takes ${known})`]),
    ...required.filter((key) => args[key] === undefined).map((key) => `arguments.${key} is required`),
  ];
}

function describe(error: ErrorObject): string {
  const at = `arguments${brief(error.instancePath).replaceAll("/", ".")}`;
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case "enum":
      return `${at} must be one of ${(params.allowedValues as unknown[]).join(", ")}`;
    default:
      return `${at} ${error.message}`;
  }
}
