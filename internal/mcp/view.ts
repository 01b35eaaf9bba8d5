import type { Principal } from "../auth/principal.js";
import { narrower } from "../config/config.js";
import { buildCatalogue, type Catalogue } from "../tools/catalogue.js";
import type { ReachableWorkspace, Tool } from "../tools/types.js";
import type { Workspace } from "../workspace/workspace.js";

/** What one principal sees through one endpoint: workspaces, tools, instructions. */
export interface View {
  /** The default first. */
  readonly reachable: readonly [ReachableWorkspace, ...ReachableWorkspace[]];
  readonly catalogue: Catalogue;
  /** The text for `instructions`; fresh on every call. */
  instructions(): Promise<string>;
}

/** Makes the text for `instructions` of a caller that reaches these workspaces and sees these tools. */
export type InstructionsFor = (
  reachable: readonly ReachableWorkspace[],
  toolNames: readonly string[],
) => Promise<string>;

export interface ViewsOptions {
  readonly workspaces: readonly Workspace[];
  readonly tools: readonly Tool[];
  readonly instructions: InstructionsFor;
}

/** Answers what a principal sees; `undefined` when it reaches nothing there. */
export type Views = (principal: Principal, workspaceId: string | undefined) => View | undefined;

/**
 * Prepares the views of one configuration. Each is built at its first use and kept: a request only looks one up.
 * `workspaceId` is the one named by `/w/<id>/mcp`; without it the caller sees every workspace it may reach.
 */
export function createViews({ workspaces, tools, instructions }: ViewsOptions): Views {
  const views = new Map<string, View>();
  return (principal, workspaceId) => {
    const key = JSON.stringify([principal.profile, principal.workspaces, workspaceId]);
    const view = views.get(key) ?? build(principal, workspaceId);
    // What does not exist is not kept: its names are the caller's, and there is no end of them.
    if (view !== undefined) views.set(key, view);
    return view;
  };

  function build(principal: Principal, workspaceId: string | undefined): View | undefined {
    const [first, ...rest] = workspaces
      .filter(({ id }) => principal.workspaces?.includes(id) ?? true)
      .filter(({ id }) => workspaceId === undefined || id === workspaceId)
      .map((workspace) => ({ workspace, profile: narrower(workspace.profile, principal.profile) }));
    if (first === undefined) return undefined;
    const reachable = [first, ...rest] as const;
    const catalogue = buildCatalogue(tools, reachable);
    return {
      reachable,
      catalogue,
      instructions: () => instructions(reachable, catalogue.names),
    };
  }
}
