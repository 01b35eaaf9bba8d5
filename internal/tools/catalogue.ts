import { createHash } from "node:crypto";
import { allows } from "../config/config.js";
import type { JsonSchema, ReachableWorkspace, Tool } from "./types.js";

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

/**
 * One entry of the listing. A model reads all of it in each conversation, so it holds no output schema (one shape for
 * all tools would say no more than `ok`) and no bounds that go without saying.
 */
function listing(tool: Tool, workspaceIds: readonly string[] | undefined): Record<string, unknown> {
  const { name, title, description, inputSchema, annotations } = tool;
  const workspace = workspaceIds && {
    workspace: {
      type: "string",
      enum: workspaceIds,
      description: `Workspace to act in; default ${workspaceIds[0]}.`,
    },
  };
  const properties = Object.fromEntries(
    Object.entries(inputSchema.properties).map(([key, schema]) => [key, withoutPlainBounds(schema)]),
  );
  return {
    name,
    title,
    description,
    inputSchema: { ...inputSchema, properties: { ...properties, ...workspace } },
    annotations: { title, ...annotations },
  };
}

/** A maximum this many times the default goes without saying. */
const farFactor = 8;

/** The validator holds all bounds; those that no sensible call comes near need no telling. */
function withoutPlainBounds(schema: JsonSchema): JsonSchema {
  const { minLength, maxLength, maxItems, minimum, maximum, ...rest } = schema;
  const isFar = Number(rest.default) > 0 && Number(maximum) >= farFactor * Number(rest.default);
  return {
    ...rest,
    ...(Number(minimum) > 1 && { minimum }),
    ...(maximum !== undefined && !isFar && { maximum }),
  };
}
