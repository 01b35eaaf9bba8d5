import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Principal } from "../../internal/auth/principal.js";
import type { Clock } from "../../internal/clock/clock.js";
import type { Profile } from "../../internal/config/config.js";
import type { CallDeps } from "../../internal/mcp/call.js";
import type { McpSnapshot } from "../../internal/mcp/http.js";
import { createViews } from "../../internal/mcp/view.js";
import type { ArgumentValidators } from "../../internal/tools/arguments.js";
import type { Tool } from "../../internal/tools/types.js";
import { openRoot } from "../../internal/workspace/root.js";
import type { Workspace } from "../../internal/workspace/workspace.js";

/** Somebody who may do everything, unless said otherwise. */
export function principalNamed(id: string, grant: Partial<Principal> = {}): Principal {
  return { id, label: id, workspaces: undefined, profile: "full", ...grant };
}

/** Real, empty workspaces in a temporary folder. */
export function openWorkspaces(profiles: Readonly<Record<string, Profile>>): {
  readonly workspaces: readonly Workspace[];
  close(): void;
} {
  const folder = mkdtempSync(join(tmpdir(), "ctmcp-mcp-"));
  const workspaces = Object.entries(profiles).map(([id, profile]) => {
    const root = openRoot(folder);
    return { id, path: root.path, profile, root };
  });
  return {
    workspaces,
    close() {
      for (const { root } of workspaces) root.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Argument validators compiled on the spot, with the options the build uses for the real tools. */
export function compileValidators(tools: readonly Tool[]): ArgumentValidators {
  const ajv = new Ajv2020({ strict: false, useDefaults: true });
  return Object.fromEntries(tools.map((tool) => [tool.name, ajv.compile(tool.inputSchema)]));
}

/** One configuration as the protocol layer sees it. */
export function snapshotOf(options: {
  readonly tools: readonly Tool[];
  readonly workspaces: readonly Workspace[];
  readonly clock: Clock;
  readonly limits?: CallDeps["limits"];
  readonly onCall?: CallDeps["onCall"];
  readonly onBug?: CallDeps["onBug"];
  readonly instructions?: () => Promise<string>;
}): McpSnapshot {
  return {
    views: createViews({
      workspaces: options.workspaces,
      tools: options.tools,
      instructions: options.instructions ?? (async () => "work inside the workspace"),
    }),
    calls: {
      validators: compileValidators(options.tools),
      limits: options.limits ?? { admit() {}, run: ({ work }) => work() },
      clock: options.clock,
      onCall: options.onCall ?? (() => {}),
      onBug: options.onBug ?? (() => {}),
    },
  };
}

/** What every fixture tool has in common; `run` is what it is about. */
export function fixtureTool(part: Pick<Tool, "name" | "run"> & Partial<Tool>): Tool {
  return {
    title: part.name,
    description: `Fixture ${part.name}.`,
    inputSchema: { type: "object", properties: {}, additionalProperties: false },
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    profile: "read-only",
    lane: "fast",
    ...part,
  };
}
