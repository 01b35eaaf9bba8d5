import { createHash } from "node:crypto";
import { allows } from "../config/config.js";
import type { ReachableWorkspace, Tool } from "./types.js";

/** One answer shape for all tools: `ok`, and an `error` when it is false; each tool adds its own fields. */
const outputSchema = {
  type: "object",
  properties: {
    ok: { type: "boolean" },
    error: {
      type: "object",
      properties: {
        code: { type: "string" },
        message: { type: "string" },
        category: { type: "string" },
        retryable: { type: "boolean" },
        details: { type: "object" },
      },
      required: ["code", "message", "category", "retryable", "details"],
      additionalProperties: true,
    },
  },
  required: ["ok"],
  additionalProperties: true,
};

/** The tools one caller sees, and their listing, serialised once. */
export interface Catalogue {
  readonly tools: ReadonlyMap<string, Tool>;
  readonly names: readonly string[];
  /** The JSON array of a `tools/list` answer. */
  readonly listJson: string;
  /** Changes whenever the listing does; what a client last fetched can be compared with it. */
  readonly hash: string;
}

/**
 * Picks from `all` what a caller who reaches these workspaces sees: a tool is listed when at least one of them allows
 * it. Order is that of `all`, so that listings are deterministic.
 */
export function buildCatalogue(all: readonly Tool[], reachable: readonly ReachableWorkspace[]): Catalogue {
  const several = reachable.length > 1;
  const visible = all.filter(
    (tool) =>
      (several || tool.onlyWithSeveralWorkspaces !== true) &&
      reachable.some(({ profile }) => allows(profile, tool.profile)),
  );
  const ids = reachable.map(({ workspace }) => workspace.id);
  const listJson = JSON.stringify(visible.map((tool) => listing(tool, several ? ids : undefined)));
  return {
    tools: new Map(visible.map((tool) => [tool.name, tool])),
    names: visible.map(({ name }) => name),
    listJson,
    hash: createHash("sha256").update(listJson).digest("hex").slice(0, 16),
  };
}

function listing(tool: Tool, workspaceIds: readonly string[] | undefined): Record<string, unknown> {
  const { name, title, description, inputSchema, annotations } = tool;
  const workspace = workspaceIds && {
    type: "string",
    enum: workspaceIds,
    description: `Workspace to act in; default ${workspaceIds[0]}.`,
  };
  return {
    name,
    title,
    description,
    inputSchema: workspace
      ? { ...inputSchema, properties: { ...inputSchema.properties, workspace } }
      : inputSchema,
    outputSchema,
    annotations: { title, ...annotations },
  };
}
