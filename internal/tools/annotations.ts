import type { ToolAnnotations } from "./types.js";

/** A tool that changes nothing, may be called again at will, and stays on this machine. */
export const readOnly: ToolAnnotations = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
};
